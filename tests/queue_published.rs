//! Queues under a name: another program finds them, and what it finds is what it wants.

mod support;
#[path = "support/watching.rs"]
mod watching;

use multiproc::{ErrorKind, InPlace, Queue, Ring, RingSender, Segment, Value, spawn};
use support::{clean, unique};
use watching::{sleeps, until};

multiproc::test_support!();

type Samples = Queue<[u32; 2], InPlace>;

/// Knows the segment's name, and nothing else.
fn double(name: String) -> multiproc::Result<u32> {
    let segment = Segment::attach(&name)?;
    let (there, back) = (segment.open::<Samples>("there")?, segment.open::<Samples>("back")?);
    let mut count = 0;
    for item in there.iter() {
        back.send(item?.map(|number| 2 * number))?;
        count += 1;
    }
    back.close()?;
    Ok(count)
}

#[test]
fn a_queue_is_found_by_name() {
    let name = unique("queue");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let (there, back) = (
            Samples::in_place_in(&segment, 4).unwrap(),
            Samples::in_place_in(&segment, 4).unwrap(),
        );
        segment.publish("there", &there).unwrap();
        segment.publish("back", &back).unwrap();
        let child = spawn(double, (name.clone(),)).unwrap();
        until(|| sleeps(&child));
        for number in 0..20 {
            there.send([number, number + 1]).unwrap();
            assert_eq!(back.recv().unwrap(), [2 * number, 2 * number + 2]);
        }
        there.close().unwrap();
        assert_eq!(back.recv().unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(child.join().unwrap().unwrap(), 20);
        assert!(segment.open::<Samples>("there").unwrap().same_queue(&there));
    });
}

/// The name keeps it, and what is in it.
#[test]
fn it_lives_as_long_as_its_name() {
    let name = unique("kept");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let queue = Samples::in_place_in(&segment, 4).unwrap();
        queue.send_all([[1, 2], [3, 4]]).unwrap();
        segment.publish("kept", &queue).unwrap();
        drop(queue);
        // A process takes one, and dies with the other in its hand.
        let die = |name: String| -> () {
            let queue = Segment::attach(&name).unwrap().open::<Samples>("kept").unwrap();
            assert_eq!(queue.recv().unwrap(), [1, 2]);
            let _lease = queue.lease().unwrap();
            std::process::abort();
        };
        assert!(spawn(die, (name.clone(),)).unwrap().join().is_err());
        let queue = segment.open::<Samples>("kept").unwrap();
        let lease = queue.lease().unwrap();
        assert_eq!((*lease, lease.is_redelivered()), ([3, 4], true));
        lease.done();
        segment.unpublish("kept").unwrap();
        assert_eq!(segment.open::<Samples>("kept").unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn another_type_is_refused() {
    let name = unique("types");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        segment.publish("queue", &Samples::in_place_in(&segment, 4).unwrap()).unwrap();
        segment.publish("ring", &Ring::<[u32; 2]>::new_in(&segment, 4).unwrap().0).unwrap();
        let errors = [
            segment.open::<Queue<[i32; 2], InPlace>>("queue").map(drop),
            segment.open::<Queue<[u32; 3], InPlace>>("queue").map(drop),
            segment.open::<Queue<u64, InPlace>>("queue").map(drop),
            segment.open::<RingSender<[u32; 2]>>("queue").map(drop),
            segment.open::<Value<[u32; 2]>>("queue").map(drop),
        ];
        for error in errors.map(Result::unwrap_err) {
            assert_eq!(error.kind(), ErrorKind::WrongType);
            assert!(error.to_string().contains("Queue<[u32; 2], InPlace>"), "{error}");
        }
        let error = segment.open::<Samples>("ring").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongType);
        assert!(error.to_string().contains("RingSender<[u32; 2]>"), "{error}");
        // One of another segment.
        let elsewhere = Samples::in_place(4).unwrap();
        let error = segment.publish("elsewhere", &elsewhere).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}
