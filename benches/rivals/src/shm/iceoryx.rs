//! iceoryx2's blackboard and its publish-subscribe, with plain words as payload.

use std::sync::atomic::{AtomicU64, Ordering};

use iceoryx2::prelude::*;
use iceoryx2::service::ipc::Service;

use crate::turns::{one_way, wait};

/// Makes names unique within the process. Relaxed: a counter and nothing else.
static NAMES: AtomicU64 = AtomicU64::new(0);

/// Turns off what iceoryx2 has to say about its configuration.
pub(super) fn silence() {
    set_log_level(LogLevel::Fatal);
}

fn name(end: &str) -> ServiceName {
    let (pid, n) = (std::process::id(), NAMES.fetch_add(1, Ordering::Relaxed));
    let name = format!("rivals/{pid}/{n}/{end}");
    name.as_str().try_into().expect("a name of plain letters")
}

fn node() -> Node<Service> {
    NodeBuilder::new().create::<Service>().expect("a node")
}

/// Nanoseconds from an update of a value until another thread has read it.
pub(super) fn blackboard<const WORDS: usize>(rounds: u64) -> f64 {
    let (there, back) = (name("there"), name("back"));
    let board = |node: &Node<Service>, name: &ServiceName| {
        let creator = node.service_builder(name).blackboard_creator::<u64>();
        creator.add::<[u64; WORDS]>(0, [0; WORDS]).create().expect("a new service")
    };
    let node_here = node();
    let _alive = (board(&node_here, &there), board(&node_here, &back));
    let ends = |outgoing: &ServiceName, incoming: &ServiceName| {
        let node = node();
        let open = |name| {
            let opener = node.service_builder(name).blackboard_opener::<u64>();
            opener.open().expect("the service just made")
        };
        let writer = open(outgoing).writer_builder().create().expect("the only writer");
        let reader = open(incoming).reader_builder().create().expect("a reader");
        let writer = writer.entry::<[u64; WORDS]>(&0).expect("the entry just added");
        let reader = reader.entry::<[u64; WORDS]>(&0).expect("the entry just added");
        (writer, reader, node)
    };
    // `get` copies the whole value; while nothing is new only its generation is looked at.
    one_way(
        rounds,
        || {
            let (writer, reader, node) = ends(&there, &back);
            let mut seen = reader.get();
            move |round| {
                let _alive = &node;
                writer.update_with_copy([round + 1; WORDS]);
                wait(|| {
                    if reader.is_up_to_date(&seen) {
                        return None;
                    }
                    seen = reader.get();
                    (seen[WORDS - 1] == round + 1).then_some(())
                });
            }
        },
        || {
            let (writer, reader, node) = ends(&back, &there);
            let mut seen = reader.get();
            move |round| {
                let _alive = &node;
                wait(|| {
                    if reader.is_up_to_date(&seen) {
                        return None;
                    }
                    seen = reader.get();
                    (seen[WORDS - 1] == round + 1).then_some(())
                });
                writer.update_with_copy([round + 1; WORDS]);
            }
        },
    )
}

/// Nanoseconds from a send until another thread has received and read the sample.
pub(super) fn messages<const WORDS: usize>(rounds: u64) -> f64 {
    let (there, back) = (name("there"), name("back"));
    let node_here = node();
    let service = |node: &Node<Service>, name: &ServiceName| {
        let builder = node.service_builder(name).publish_subscribe::<[u64; WORDS]>();
        builder.open_or_create().expect("a service")
    };
    let _alive = (service(&node_here, &there), service(&node_here, &back));
    let ends = |outgoing: &ServiceName, incoming: &ServiceName| {
        let node = node();
        let publisher = service(&node, outgoing).publisher_builder().create().expect("a publisher");
        let subscriber = service(&node, incoming).subscriber_builder().create();
        (publisher, subscriber.expect("a subscriber"), node)
    };
    one_way(
        rounds,
        || {
            let (publisher, subscriber, node) = ends(&there, &back);
            move |round| {
                let _alive = &node;
                let sample = publisher.loan_uninit().expect("a sample that is free");
                sample.write_payload([round + 1; WORDS]).send().expect("a send");
                wait(|| {
                    let sample = subscriber.receive().expect("a receive")?;
                    let copy: [u64; WORDS] = *sample;
                    (copy[WORDS - 1] == round + 1).then_some(())
                });
            }
        },
        || {
            let (publisher, subscriber, node) = ends(&back, &there);
            move |round| {
                let _alive = &node;
                wait(|| {
                    let sample = subscriber.receive().expect("a receive")?;
                    let copy: [u64; WORDS] = *sample;
                    (copy[WORDS - 1] == round + 1).then_some(())
                });
                let sample = publisher.loan_uninit().expect("a sample that is free");
                sample.write_payload([round + 1; WORDS]).send().expect("a send");
            }
        },
    )
}
