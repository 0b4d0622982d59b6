//! Borrows: many readers or one writer, and parts, whoever dies where.

use crate::{
    os::clock::Deadline,
    play::plays,
    sync::{CELLS, RawBorrow},
    sync::party::Party,
    world::{Model, Moment, id, reached},
};
use loom::{
    cell::UnsafeCell,
    sync::{atomic::AtomicU32, atomic::Ordering},
};

const PARTS: usize = if CELLS < 2 { CELLS } else { 2 };

struct Shared {
    borrow: RawBorrow,
    /// Two parts. `loom` reports a writer beside anybody else.
    data: [UnsafeCell<u32>; 2],
    /// The number of a loan, once there is one.
    loan: AtomicU32,
    /// Where a host is, once there is one: its cell, and one more than its thread.
    host: [AtomicU32; 2],
    moment: Moment,
}

// SAFETY: the data is only touched under borrows, which is what is explored.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

#[derive(Clone, Copy)]
enum Role {
    Reader,
    Writer,
    /// Lends two parts and calls them back.
    Lender,
    /// Takes the first part, if it is lent.
    Borrower,
    /// Lends, ends, and writes again.
    LenderThenWriter,
    /// Writes if it can at once.
    Trier,
    /// Lends seats, and calls them back.
    SeatLender,
    /// Takes a seat if there are any, to write this part, and then again.
    Sitter(usize),
    /// Reads, and says where.
    Host,
    /// Reads where a host said it does.
    Guest,
}

fn act(shared: &Shared, party: &Model, role: Role) {
    let Shared { borrow, data, loan: last_loan, host, moment } = shared;
    // SAFETY: nobody writes under the borrow, or the part.
    let read = |part: usize| data[part].with(|data| unsafe { *data });
    let write = |part: usize| {
        // SAFETY: exclusive under the borrow, or the part.
        data[part].with_mut(|data| unsafe { *data += 1 });
        let written = read(part);
        moment.passes();
        assert_eq!(read(part), written);
    };
    match role {
        Role::Reader => {
            let (cell, _) = borrow.read(party, Deadline::NEVER).unwrap();
            let seen = [read(0), read(1)];
            moment.passes();
            assert_eq!([read(0), read(1)], seen);
            reached("reading");
            borrow.end_read(party, cell);
        }
        Role::Writer => {
            let _ = borrow.write(party, Deadline::NEVER).unwrap();
            write(0);
            write(1);
            reached("writing");
            borrow.end_write(party, false);
        }
        Role::Lender => {
            let _ = borrow.write(party, Deadline::NEVER).unwrap();
            write(0);
            write(1);
            let loan = borrow.lend(PARTS).unwrap();
            last_loan.store(loan, Ordering::Release);
            reached("lent");
            let _ = borrow.call_back(party, PARTS, loan, Deadline::NEVER).unwrap();
            write(0);
            borrow.end_write(party, false);
        }
        Role::Borrower => {
            let loan = last_loan.load(Ordering::Acquire);
            if loan != 0 && borrow.borrow_part(party, 0, loan).unwrap() {
                write(0);
                reached("borrowing");
                borrow.return_part(party, 0, loan, false);
            }
        }
        Role::SeatLender => {
            let _ = borrow.write(party, Deadline::NEVER).unwrap();
            write(0);
            write(1);
            let loan = borrow.lend(PARTS).unwrap();
            last_loan.store(loan, Ordering::Release);
            reached("lent");
            let _ = borrow.call_back(party, PARTS, loan, Deadline::NEVER).unwrap();
            write(0);
            write(1);
            borrow.end_write(party, false);
        }
        Role::Sitter(part) => {
            for _ in 0..2 {
                let loan = last_loan.load(Ordering::Acquire);
                if loan == 0 {
                    break;
                }
                let seat = borrow.take_seat(party, PARTS, loan, Deadline::NEVER).unwrap();
                let Some(seat) = seat else { break };
                write(part);
                reached("sitting");
                borrow.leave_seat(party, seat, loan);
            }
        }
        Role::Host => {
            let (cell, _) = borrow.read(party, Deadline::NEVER).unwrap();
            borrow.host();
            host[0].store(cell as u32, Ordering::Relaxed);
            host[1].store(party.id().slot() + 1, Ordering::Release);
            let seen = read(0);
            reached("hosting");
            assert_eq!(read(0), seen);
            borrow.end_read(party, cell);
        }
        Role::Guest => {
            let at = host[1].load(Ordering::Acquire);
            if at != 0 {
                let host = (host[0].load(Ordering::Relaxed) as usize, id(at as usize - 1));
                if let Some(cell) = borrow.visit(party, host, Deadline::NEVER).unwrap() {
                    let seen = [read(0), read(1)];
                    moment.passes();
                    assert_eq!([read(0), read(1)], seen);
                    reached("visiting");
                    borrow.end_read(party, cell);
                }
            }
        }
        Role::LenderThenWriter => {
            act(shared, party, Role::Lender);
            act(shared, party, Role::Writer);
        }
        Role::Trier => {
            if borrow.write(party, Deadline::NOW).is_ok() {
                write(0);
                borrow.end_write(party, false);
            }
        }
    }
}

fn set() -> Shared {
    Shared {
        borrow: RawBorrow::new(),
        data: [UnsafeCell::new(0), UnsafeCell::new(0)],
        loan: AtomicU32::new(0),
        host: [AtomicU32::new(0), AtomicU32::new(0)],
        moment: Moment::default(),
    }
}

use Role::*;

plays! {
    Role, set, |_, _, _| (), act;
    loom_a_reader_and_a_writer 3 [None, Reader; None, Writer];
    loom_readers_and_a_writer 1 [None, Reader; None, Reader; None, Writer];
    loom_two_writers_and_a_reader 1 [None, Writer; None, Writer; None, Reader];
    loom_a_reader_dies 2 [Some("reading"), Reader; None, Writer];
    loom_a_reader_dies_while_it_rings 2 [Some("borrow.cells.cleared"), Reader; None, Writer];
    loom_a_reader_dies_with_its_cell 2 [Some("borrow.read.cell"), Reader; None, Writer];
    loom_a_writer_dies 2 [Some("writing"), Writer; None, Reader];
    loom_a_writer_dies_and_two_read 1 [Some("writing"), Writer; None, Reader; None, Reader];
    loom_a_waiting_writer_dies 2 [None, Reader; Some("borrow.cells.sleep"), Writer];
    loom_a_woken_writer_dies 1 [None, Reader; Some("borrow.cells.woken"), Writer; None, Writer];
    loom_an_heir_dies 1 [Some("writing"), Writer; Some("borrow.settled"), Reader; None, Reader];
    loom_a_loan_and_a_reader_that_comes_late 3 [None, LenderThenWriter; None, Reader];
    loom_one_cell_for_two_readers 2 [None, Reader; None, Reader; None, Trier];
    loom_one_cell_a_reader_dies 2 [Some("reading"), Reader; None, Reader; None, Writer];
    loom_one_cell_a_reader_dies_and_one_tries 2 [Some("reading"), Reader; None, Reader; None, Trier];
    loom_a_ringer_dies_when_it_has_counted 2 [Some("borrow.cells.counted"), Reader; None, Writer];
    loom_parts_are_disjoint 2 [None, Lender; None, Borrower];
    loom_parts_and_a_reader 1 [None, Lender; None, Borrower; None, Reader];
    loom_a_borrower_dies 2 [None, Lender; Some("borrowing"), Borrower];
    loom_a_lender_dies 1 [Some("lent"), Lender; None, Borrower; None, Reader];
    loom_a_lender_dies_and_another_writes 1 [Some("lent"), Lender; None, Borrower; None, Writer];
    loom_seats_are_taken_and_called_back 1 [None, SeatLender; None, Sitter(0); None, Sitter(1)];
    loom_a_sitter_dies 1 [None, SeatLender; Some("sitting"), Sitter(0); None, Sitter(1)];
    loom_a_lender_of_seats_dies 1 [Some("lent"), SeatLender; None, Sitter(0); None, Writer];
    loom_a_lender_of_seats_and_a_sitter_die 1 [Some("lent"), SeatLender; Some("sitting"), Sitter(0); None, Writer];
    loom_a_host_and_its_guest 1 [None, Guest; None, Host; None, Writer];
    loom_a_host_dies 3 [None, Guest; Some("hosting"), Host; None, Writer];
    loom_a_host_and_its_guest_die 1 [Some("visiting"), Guest; Some("hosting"), Host; None, Writer];
    loom_lender_and_borrower_die 1 [Some("lent"), Lender; Some("borrowing"), Borrower; None, Reader];
}
