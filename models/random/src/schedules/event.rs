use crate::{os::clock::Deadline, party::Model, stage::Stage, sync::raw_event::RawEvent};
use std::rc::Rc;

fn waiter(event: &Rc<RawEvent>) -> impl FnOnce(&Model) + use<> {
    let event = Rc::clone(event);
    move |party| assert!(event.wait(party, Deadline::NEVER))
}

#[test]
fn a_newcomer_in_front_takes_the_ring_of_a_dead_setter() {
    let (mut stage, event) = (Stage::new(), Rc::new(RawEvent::new()));
    stage.enter(0, waiter(&event));
    stage.falls_asleep(0);
    let theirs = Rc::clone(&event);
    stage.enter(1, move |setter| theirs.set(setter));
    stage.goes_to(1, "event.set");
    event.clear();
    stage.is_urgent(2);
    stage.enter(2, waiter(&event));
    stage.falls_asleep(2);
    stage.dies(1);
    stage.all_go_on();
    // The event was set while it waited.
    stage.has_ended(0);
}

#[test]
fn a_newcomer_in_front_takes_every_second_ring() {
    let (mut stage, event) = (Stage::new(), Rc::new(RawEvent::new()));
    for old in [0, 1] {
        stage.enter(old, waiter(&event));
        stage.falls_asleep(old);
    }
    let theirs = Rc::clone(&event);
    stage.enter(2, move |setter| theirs.set(setter));
    stage.goes_to(2, "event.set");
    event.clear();
    stage.is_urgent(3);
    stage.enter(3, waiter(&event));
    stage.falls_asleep(3);
    stage.dies(2);
    stage.falls_asleep(3);
    stage.all_go_on();
    stage.has_ended(0);
    // The ring of the one that was released goes to the newcomer again.
    stage.has_ended(1);
}

#[test]
fn a_newcomer_in_front_takes_the_ring_of_a_dead_setter_and_gives_up() {
    let (mut stage, event) = (Stage::new(), Rc::new(RawEvent::new()));
    stage.enter(0, waiter(&event));
    stage.falls_asleep(0);
    let theirs = Rc::clone(&event);
    stage.enter(1, move |setter| theirs.set(setter));
    stage.goes_to(1, "event.set");
    event.clear();
    stage.is_urgent(2);
    let theirs = Rc::clone(&event);
    stage.enter(2, move |party| assert!(!theirs.wait(party, Deadline::SOON)));
    stage.falls_asleep(2);
    stage.dies(1);
    stage.ends(2);
    stage.ends(0);
}

#[test]
fn two_newcomers_in_front_pass_the_ring_of_a_dead_setter_to_each_other() {
    let (mut stage, event) = (Stage::new(), Rc::new(RawEvent::new()));
    stage.enter(0, waiter(&event));
    stage.falls_asleep(0);
    let theirs = Rc::clone(&event);
    stage.enter(1, move |setter| theirs.set(setter));
    stage.goes_to(1, "event.set");
    event.clear();
    for newcomer in [2, 3] {
        stage.is_urgent(newcomer);
        stage.enter(newcomer, waiter(&event));
        stage.falls_asleep(newcomer);
    }
    stage.dies(1);
    // It has rung, and sleeps again before the other rings.
    stage.falls_asleep(2);
    stage.all_go_on();
    // The event was set while it waited.
    stage.has_ended(0);
}
