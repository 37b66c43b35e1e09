//! The order map against a naive one: prices in a `BTreeMap`, orders in a `Vec`, nothing indexed.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A number as it compares: at an exponent that every number of these tests has.
fn value(number: Decimal) -> i128 {
    let shift = u32::try_from(number.exponent() + 9).unwrap();
    number.mantissa() * 10_i128.pow(shift)
}

#[derive(Debug, Default)]
struct Twin {
    prices: BTreeMap<(bool, i128), Vec<(OrderId, i128)>>,
}

impl Twin {
    fn len(&self) -> usize {
        self.prices.values().map(Vec::len).sum()
    }

    fn total(&self, at: (bool, i128)) -> (bool, i128, i128, usize) {
        let orders = self.prices.get(&at).map_or(&[][..], |orders| orders);
        (at.0, at.1, orders.iter().map(|order| order.1).sum(), orders.len())
    }

    fn change(
        &mut self,
        id: OrderId,
        size: impl Fn(i128) -> i128,
    ) -> Result<(bool, i128, i128, usize), OrderError> {
        for (at, orders) in &mut self.prices {
            let Some(place) = orders.iter().position(|order| order.0 == id) else { continue };
            let (at, size) = (*at, size(orders[place].1));
            match size {
                ..0 => return Err(OrderError::Size),
                0 => drop(orders.remove(place)),
                _ => orders[place].1 = size,
            }
            let total = self.total(at);
            self.prices.retain(|_, orders| !orders.is_empty());
            return Ok(total);
        }
        Err(OrderError::Unknown)
    }

    fn create(
        &mut self,
        id: OrderId,
        at: (bool, i128),
        size: i128,
        limit: usize,
    ) -> Result<(bool, i128, i128, usize), OrderError> {
        if self.prices.values().flatten().any(|order| order.0 == id) {
            return Err(OrderError::Known);
        }
        if self.len() >= limit {
            return Err(OrderError::Full);
        }
        if size == 0 {
            return Err(OrderError::Size);
        }
        self.prices.entry(at).or_default().push((id, size));
        Ok(self.total(at))
    }
}

impl Twin {
    /// What [`OrderMap::put`] is put together from.
    fn put(
        &mut self,
        id: OrderId,
        rests: Option<(bool, Decimal, Decimal)>,
        limit: usize,
        said: &mut Vec<(bool, i128, i128, usize)>,
    ) -> Result<(), OrderError> {
        let known = self.prices.iter().find(|(_, orders)| orders.iter().any(|it| it.0 == id));
        let known = known.map(|(at, _)| *at);
        let rests = rests.map(|(ask, price, size)| ((ask, value(price)), value(size)));
        match rests {
            Some((at, size)) if known == Some(at) => said.push(self.change(id, |_| size)?),
            _ => {
                if known.is_some() {
                    said.push(self.change(id, |_| 0)?);
                }
                if let Some((at, size)) = rests {
                    said.push(self.create(id, at, size, limit)?);
                }
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Create(u8, bool, Decimal, Decimal),
    Resize(u8, Decimal),
    Reduce(u8, Decimal),
    Remove(u8),
    Put(u8, Option<(bool, Decimal, Decimal)>),
    Clear,
}

/// A number of few values and many ways to write them.
fn number() -> impl Strategy<Value = Decimal> {
    (0..40_i128, -3..2_i16, 0..3_i16).prop_map(|(mantissa, exponent, zeros)| {
        Decimal::new(mantissa * 10_i128.pow(zeros.unsigned_abs().into()), exponent - zeros)
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..60_u8, any::<bool>(), number(), number())
            .prop_map(|(id, ask, price, size)| Step::Create(id, ask, price, size)),
        3 => (0..60_u8, number()).prop_map(|(id, size)| Step::Resize(id, size)),
        3 => (0..60_u8, number()).prop_map(|(id, by)| Step::Reduce(id, by)),
        4 => (0..60_u8).prop_map(Step::Remove),
        4 => (0..60_u8, prop::option::of((any::<bool>(), number(), number())))
            .prop_map(|(id, rests)| Step::Put(id, rests)),
        1 => Just(Step::Clear),
    ]
}

/// Ids of every kind.
fn id(number: u8) -> OrderId {
    match number % 3 {
        0 => OrderId::Number(number.into()),
        1 => OrderId::text(format!("00000000-0000-0000-0000-{number:012x}").as_bytes()).unwrap(),
        _ => OrderId::text(format!("O{number}").as_bytes()).unwrap(),
    }
}

fn plain(total: &Total) -> (bool, i128, i128, usize) {
    (total.side == Side::Ask, value(total.price), value(total.size), total.orders as usize)
}

proptest! {
    #[test]
    fn it_does_what_the_naive_map_does(steps in prop::collection::vec(step(), 1..300)) {
        const LIMIT: usize = 25;
        let (mut map, mut twin) = (OrderMap::with_limit(LIMIT), Twin::default());
        for step in steps {
            let (ours, theirs) = match step {
                Step::Create(order, ask, price, size) => {
                    let side = if ask { Side::Ask } else { Side::Bid };
                    (
                        map.create(id(order), side, price, size),
                        twin.create(id(order), (ask, value(price)), value(size), LIMIT),
                    )
                }
                Step::Resize(order, size) => {
                    (map.resize(&id(order), size), twin.change(id(order), |_| value(size)))
                }
                Step::Reduce(order, by) => {
                    (map.reduce(&id(order), by), twin.change(id(order), |size| size - value(by)))
                }
                Step::Remove(order) => (map.remove(&id(order)), twin.change(id(order), |_| 0)),
                Step::Put(order, rests) => {
                    let mut ours = Vec::new();
                    let side = |ask| if ask { Side::Ask } else { Side::Bid };
                    let wanted = rests.map(|(ask, price, size)| (side(ask), price, size));
                    let put = map.put(id(order), wanted, |total| ours.push(plain(total)));
                    let mut theirs = Vec::new();
                    let done = twin.put(id(order), rests, LIMIT, &mut theirs);
                    prop_assert_eq!((put, ours), (done, theirs));
                    continue;
                }
                Step::Clear => {
                    map.clear();
                    twin.prices.clear();
                    continue;
                }
            };
            prop_assert_eq!(ours.map(|total| plain(&total)), theirs);
            prop_assert_eq!(map.len(), twin.len());
            for side in [Side::Bid, Side::Ask] {
                let ours: Vec<_> = map.totals(side).map(|total| plain(&total)).collect();
                let ask = side == Side::Ask;
                let theirs = twin.prices.keys().filter(|at| at.0 == ask);
                let mut theirs: Vec<_> = theirs.map(|at| twin.total(*at)).collect();
                if !ask {
                    theirs.reverse();
                }
                let mut queues = Vec::new();
                for (_, price, ..) in theirs.iter().take(3) {
                    let orders = twin.prices[&(ask, *price)].iter();
                    queues.extend(orders.map(|(_, size)| (*price, *size)));
                }
                let best = map.orders(side, 3);
                let best: Vec<_> = best.map(|(price, size)| (value(price), value(size))).collect();
                prop_assert_eq!(best, queues, "in the order of arrival");
                let mut cut = map.clone();
                cut.cut(side, 2);
                let left: Vec<_> = cut.totals(side).map(|total| plain(&total)).collect();
                prop_assert_eq!(left.as_slice(), &theirs[..theirs.len().min(2)]);
                prop_assert_eq!(ours, theirs, "best first");
            }
            for order in 0..60 {
                let theirs = twin.prices.iter().find(|(_, orders)| {
                    orders.iter().any(|it| it.0 == id(order))
                });
                let ours = map.find(&id(order));
                let ours = ours.map(|(side, price)| (side == Side::Ask, value(price)));
                prop_assert_eq!(ours, theirs.map(|(at, _)| *at));
            }
        }
    }
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

fn create(map: &mut OrderMap, id: u64, price: &str, size: &str) -> Result<Total, OrderError> {
    map.create(OrderId::Number(id), Side::Bid, decimal(price), decimal(size))
}

#[test]
fn what_no_integer_holds_is_refused_and_changes_nothing() {
    let mut map = OrderMap::new();
    create(&mut map, 1, "60000.5", "1").unwrap();
    let all = |map: &OrderMap| map.totals(Side::Bid).collect::<Vec<_>>();
    let before = all(&map);
    for (price, size) in [
        ("0.0000000000000000001", "1"),
        ("0.000000000000000001", "1"),
        ("1e30", "1"),
        ("60000.5", "1e300"),
        ("60000.5", "123456789012345678901"),
        ("60000.5", "1e-60"),
    ] {
        let refused = create(&mut map, 2, price, size);
        assert_eq!(refused, Err(OrderError::Overflow), "{price} {size}");
        assert_eq!((all(&map), map.len()), (before.clone(), 1), "{price} {size}");
    }
    assert_eq!(
        map.resize(&OrderId::Number(1), decimal("123456789012345678901")),
        Err(OrderError::Overflow)
    );
    assert_eq!(create(&mut map, 2, "60000.5", "-1"), Err(OrderError::Size));
    assert_eq!(all(&map), before);
    assert_eq!(map.remove(&OrderId::Number(1)).unwrap().size, Decimal::ZERO);
    assert!(all(&map).is_empty());
}

#[test]
fn a_sum_that_overflows_leaves_the_orders_as_they_were() {
    let mut map = OrderMap::new();
    create(&mut map, 1, "1", "18000000000000000000").unwrap();
    let id = OrderId::Number(2);
    create(&mut map, 2, "1", "1").unwrap();
    assert_eq!(map.resize(&id, decimal("1e-25")), Err(OrderError::Overflow));
    let total = map.totals(Side::Bid).next().unwrap();
    assert_eq!((total.size, total.orders), (decimal("18000000000000000001"), 2));
    assert_eq!(map.remove(&OrderId::Number(1)).unwrap().size, decimal("1"));
    assert_eq!(map.remove(&id).unwrap().orders, 0);
}

#[test]
fn digits_stay_as_they_were_written() {
    let mut map = OrderMap::new();
    let total = create(&mut map, 1, "64250.10", "0.00300000").unwrap();
    assert_eq!((total.price, total.size), (decimal("64250.10"), decimal("0.00300000")));
    let many = "123456789.123456789000000000";
    let mut map = OrderMap::new();
    let total = create(&mut map, 1, many, "1").unwrap();
    assert_eq!(total.price, decimal("123456789.123456789"), "as many as fit");
}
