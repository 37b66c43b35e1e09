//! The stages in the order of the path, their names for people, and their colours.

use std::collections::BTreeMap;

use tickbook::Stage;

/// How a stage is shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Shown {
    /// Key in the report.
    pub(super) key: String,
    /// Name for people: `recv → parsed`.
    pub(super) label: String,
    /// Class of the style sheet, which has the colour.
    pub(super) class: &'static str,
    /// What it has to do with the way from tick to book.
    pub(super) role: Role,
}

/// What a stage has to do with the way from tick to book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    /// Something else.
    Other,
    /// A part of it.
    Part,
    /// Its upper bound.
    Upper,
    /// The whole of it.
    Whole,
}

/// The stages that `all` has, in the order of the path; unknown ones last.
pub(super) fn order<T>(all: &BTreeMap<String, T>) -> Vec<Shown> {
    let known = Stage::ALL.iter().map(|stage| stage.name());
    let split = all.contains_key(Stage::DecodedToParsed.name());
    let shown = |name: &str| shown(name, split);
    let known = known.filter(|name| all.contains_key(*name)).map(shown);
    let is_known = |name: &str| Stage::ALL.iter().any(|stage| stage.name() == name);
    let others = all.keys().filter(|name| !is_known(name)).map(|name| shown(name));
    known.chain(others).collect()
}

/// `split`: the parts between receive call and parsed are known one by one, so that their sum is no
/// part itself.
fn shown(key: &str, split: bool) -> Shown {
    let is = |stage: Stage| stage.name() == key;
    let (class, role) = if is(Stage::KernelToRecv) {
        ("s-kernel", Role::Part)
    } else if is(Stage::RecvToDecrypted) {
        ("s-tls", Role::Part)
    } else if is(Stage::DecryptedToDecoded) {
        ("s-frame", Role::Part)
    } else if is(Stage::DecodedToParsed) || (is(Stage::RecvToParsed) && !split) {
        ("s-parse", Role::Part)
    } else if is(Stage::ParsedToPopped) {
        ("s-ring", Role::Part)
    } else if is(Stage::PoppedToPublished) {
        ("s-book", Role::Part)
    } else if is(Stage::TickToBook) {
        ("s-total", Role::Whole)
    } else if is(Stage::TickToBookUpper) {
        ("s-upper", Role::Upper)
    } else {
        ("s-other", Role::Other)
    };
    let label = key.replace("_to_", " \u{2192} ").replace('_', " ");
    Shown { key: key.to_owned(), label, class, role }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_stand_in_the_order_of_the_path() {
        let keys = ["turn", "zzz", "tick_to_book", "parsed_to_popped", "kernel_to_recv"];
        let all: BTreeMap<String, ()> = keys.iter().map(|key| ((*key).to_owned(), ())).collect();
        let order = order(&all);
        let keys: Vec<&str> = order.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(keys, ["kernel_to_recv", "parsed_to_popped", "tick_to_book", "turn", "zzz"]);
        assert_eq!(order[0].label, "kernel \u{2192} recv");
        let roles: Vec<Role> = order.iter().map(|it| it.role).collect();
        assert_eq!(roles, [Role::Part, Role::Part, Role::Whole, Role::Other, Role::Other]);
    }

    #[test]
    fn a_sum_is_a_part_only_where_its_own_parts_are_not_known() {
        let parts = |keys: &[&str]| -> Vec<String> {
            let all: BTreeMap<String, ()> =
                keys.iter().map(|key| ((*key).to_owned(), ())).collect();
            let order = order(&all).into_iter().filter(|it| it.role == Role::Part);
            order.map(|it| it.key).collect()
        };
        assert_eq!(parts(&["recv_to_parsed"]), ["recv_to_parsed"]);
        let all = ["decoded_to_parsed", "decrypted_to_decoded", "recv_to_decrypted"];
        let with_sum = [&all[..], &["recv_to_parsed"]].concat();
        assert_eq!(parts(&with_sum), [all[2], all[1], all[0]]);
    }
}
