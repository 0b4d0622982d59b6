//! `FileArray`: what a file can be, copies at any place, files that become shorter under readers and writers, and other people's SIGBUS.

#[path = "support/mounted.rs"]
mod mounted;
mod support;

use mounted::{in_small_file_system, mounted};
use multiproc::{Atomic, ErrorKind, FileArray, Ordering, Process, ProcessError, spawn};
use std::{
    env,
    fs::{self, File, OpenOptions},
    ops::Range,
    os::unix::{ffi::OsStrExt, process::ExitStatusExt},
    path::PathBuf,
    process::Command,
    time::Duration,
};
use support::{unique, watchdog};

multiproc::test_support!();

const PAGE: usize = 4096;

/// A file that is removed with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(what: &str, bytes: &[u8]) -> Self {
        let path = env::temp_dir().join(unique(what));
        fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn set_len(&self, bytes: usize) {
        OpenOptions::new().write(true).open(&self.0).unwrap().set_len(bytes as u64).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Bytes without zeros, none like its neighbours.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 7 + index / 256) as u8 | 1).collect()
}

fn kind<T: std::fmt::Debug>(result: multiproc::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn what_cannot_be_mapped_is_refused() {
    let _watchdog = watchdog(30);
    assert_eq!(kind(FileArray::<u8>::open("/no/such/file")), ErrorKind::NotFound);
    for path in ["/", "/dev/zero", "/dev/null"] {
        assert_eq!(kind(FileArray::<u8>::open(path)), ErrorKind::InvalidInput, "{path}");
        let writable = FileArray::<u8>::builder().writable(true).open(path);
        assert_eq!(kind(writable), ErrorKind::InvalidInput, "{path}");
    }
    let pipe = Scratch(env::temp_dir().join(unique("pipe")));
    let name = std::ffi::CString::new(pipe.0.as_os_str().as_bytes()).unwrap();
    // SAFETY: the name ends with a zero.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    assert_eq!(kind(FileArray::<u8>::open(&pipe.0)), ErrorKind::InvalidInput);
}

#[test]
fn what_does_not_fit_is_refused() {
    let _watchdog = watchdog(30);
    let file = Scratch::new("fit", &pattern(18));
    let builder = FileArray::<u64>::builder;
    let error = FileArray::<u64>::open(&file.0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("18 bytes"), "{error}");
    assert_eq!(kind(builder().offset(19).open(&file.0)), ErrorKind::InvalidInput);
    assert_eq!(kind(builder().offset(u64::MAX).open(&file.0)), ErrorKind::InvalidInput);
    assert_eq!(kind(builder().offset(4).len(2).open(&file.0)), ErrorKind::InvalidInput);
    assert_eq!(kind(builder().len(usize::MAX).open(&file.0)), ErrorKind::InvalidInput);
    assert_eq!(builder().offset(2).open(&file.0).unwrap().len(), 2);
    assert_eq!(builder().len(1).open(&file.0).unwrap().len(), 1);
    assert_eq!(builder().offset(18).open(&file.0).unwrap().len(), 0);

    let array = builder().len(2).open(&file.0).unwrap();
    assert_eq!(kind(array.get(2)), ErrorKind::InvalidInput);
    assert_eq!(kind(array.copy_to(1, &mut [0; 2])), ErrorKind::InvalidInput);
    assert_eq!(kind(array.copy_to(usize::MAX, &mut [0; 2])), ErrorKind::InvalidInput);
    assert_eq!(kind(array.for_each_chunk(1..3, |_| {})), ErrorKind::InvalidInput);
    #[expect(clippy::reversed_empty_ranges, reason = "that is the mistake")]
    let backwards = array.for_each_chunk(2..1, |_| {});
    assert_eq!(kind(backwards), ErrorKind::InvalidInput);
    assert_eq!(kind(array.set(0, 1)), ErrorKind::PermissionDenied);
    assert_eq!(fs::read(&file.0).unwrap(), pattern(18));
}

#[test]
fn an_empty_file_is_an_empty_array() {
    let _watchdog = watchdog(30);
    let file = Scratch::new("empty", &[]);
    let array = FileArray::<f64>::builder().writable(true).open(&file.0).unwrap();
    assert!(array.is_empty());
    array.copy_to(0, &mut []).unwrap();
    array.copy_from(0, &[]).unwrap();
    array.for_each_chunk(.., |_| unreachable!("there is no element")).unwrap();
    array.check().unwrap();
    array.sync().unwrap();
    // SAFETY: there is nothing to change.
    assert!(unsafe { array.as_slice() }.unwrap().is_empty());
    assert_eq!(kind(array.get(0)), ErrorKind::InvalidInput);
}

/// Every beginning and length around words and pages, read and written, and nothing beside it.
#[test]
fn copies_begin_and_end_anywhere() {
    let _watchdog = watchdog(60);
    let mut expected = pattern(2 * PAGE + 40);
    let file = Scratch::new("anywhere", &expected);
    for offset in [0, 1, 7, 8, PAGE - 3, PAGE, PAGE + 1] {
        let builder = FileArray::<u8>::builder().offset(offset as u64).writable(true);
        let array = builder.open(&file.0).unwrap();
        assert_eq!(array.len(), expected.len() - offset);
        for start in (0..20).chain(2 * PAGE - offset - 9..2 * PAGE - offset + 3) {
            for len in 0..20 {
                let range = offset + start..offset + start + len;
                let mut read = vec![0; len];
                array.copy_to(start, &mut read).unwrap();
                assert_eq!(read, expected[range.clone()], "{offset} {start} {len}");
                let new: Vec<u8> = read.iter().map(|byte| byte.wrapping_add(2)).collect();
                array.copy_from(start, &new).unwrap();
                expected[range].copy_from_slice(&new);
            }
        }
        assert_eq!(fs::read(&file.0).unwrap(), expected);
        let mut all = Vec::new();
        array.for_each_chunk(3.., |chunk| all.extend_from_slice(chunk)).unwrap();
        assert_eq!(all, expected[offset + 3..]);
    }
}

#[test]
fn elements_of_any_size_and_alignment() {
    let _watchdog = watchdog(30);
    let bytes = pattern(5 + 24 * 9000);
    let file = Scratch::new("elements", &bytes);
    let odd = FileArray::<[u64; 3]>::builder().offset(5).open(&file.0).unwrap();
    let numbers: Vec<[u64; 3]> =
        bytes[5..].chunks_exact(24).map(bytemuck::pod_read_unaligned).collect();
    assert_eq!(odd.len(), 9000);
    assert!((0..9000).all(|index| odd.get(index).unwrap() == numbers[index]));
    let mut pieces = Vec::new();
    odd.for_each_chunk(1..=8998, |chunk| pieces.push(chunk.to_vec())).unwrap();
    assert!(pieces.len() > 1 && pieces.concat() == numbers[1..8999]);
    // SAFETY: nobody changes the file.
    assert_eq!(kind(unsafe { odd.as_slice() }), ErrorKind::InvalidInput);
    let even = FileArray::<[u64; 3]>::builder().offset(8).len(8999).open(&file.0).unwrap();
    // SAFETY: nobody changes the file.
    let slice = unsafe { even.as_slice() }.unwrap();
    assert_eq!(bytemuck::cast_slice::<_, u8>(slice), &bytes[8..8 + 24 * 8999]);
}

#[test]
fn threads_and_processes_see_what_is_written() {
    let _watchdog = watchdog(60);
    let file = Scratch::new("seen", &[0; 8 * 1000]);
    let array = FileArray::<u64>::builder().writable(true).open(&file.0).unwrap();
    let write = |array: FileArray<u64>, range: Range<usize>| -> multiproc::Result<u64> {
        assert!(array.is_writable());
        range.clone().try_for_each(|index| array.set(index, index as u64 * 3))?;
        array.get(range.start)
    };
    let writers: Vec<Process<_>> = (0..4)
        .map(|part| spawn(write, (array.clone(), part * 250..(part + 1) * 250)).unwrap())
        .collect();
    for (part, writer) in writers.into_iter().enumerate() {
        assert_eq!(writer.join().unwrap().unwrap(), part as u64 * 750);
    }
    let mut all = vec![0; 1000];
    array.copy_to(0, &mut all).unwrap();
    assert!(all.iter().enumerate().all(|(index, &element)| element == index as u64 * 3));
    assert_eq!(fs::read(&file.0).unwrap(), bytemuck::cast_slice::<_, u8>(&all));
    // Bytes of one word, by two threads: neither takes the other's back.
    let bytes = FileArray::<u8>::builder().writable(true).open(&file.0).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let bytes = &bytes;
            scope.spawn(move || {
                for round in 0..20_000 {
                    bytes.set(thread, round as u8).unwrap();
                    assert_eq!(bytes.get(thread).unwrap(), round as u8);
                }
            });
        }
    });
}

/// Eight bytes are always of one write, also between processes.
#[test]
fn numbers_do_not_tear() {
    let _watchdog = watchdog(60);
    let file = Scratch::new("tear", &[0; 8 * 16]);
    let array = FileArray::<u64>::builder().offset(8).writable(true).open(&file.0).unwrap();
    let stop = Atomic::new(false).unwrap();
    let write = |array: FileArray<u64>, stop: Atomic<bool>| -> multiproc::Result<()> {
        for round in 0_u64.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let byte = 1 + round % 255;
            array.copy_from(0, &[byte * 0x0101_0101_0101_0101; 15])?;
        }
        Ok(())
    };
    let writer = spawn(write, (array.clone(), stop.clone())).unwrap();
    let (mut seen, mut changes) = ([0; 15], 0);
    while changes < 1000 {
        let before = seen[0];
        array.copy_to(0, &mut seen).unwrap();
        changes += u32::from(seen[0] != before);
        for number in seen {
            assert_eq!(number, (number & 0xff) * 0x0101_0101_0101_0101, "{number:x}");
        }
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap().unwrap();
}

#[test]
fn a_shorter_file_is_told_and_the_rest_is_there() {
    let _watchdog = watchdog(30);
    let bytes = pattern(10 * PAGE);
    // The new end in the middle of a page, at a page, and nowhere.
    for end in [3 * PAGE + 100, 3 * PAGE, 0] {
        let file = Scratch::new("shorter", &bytes);
        let array = FileArray::<u8>::builder().writable(true).open(&file.0).unwrap();
        let other = FileArray::<u8>::open(&file.0).unwrap();
        array.check().unwrap();
        file.set_len(end);
        assert_eq!(kind(array.get(end)), ErrorKind::Truncated);
        assert_eq!(kind(array.get(10 * PAGE - 1)), ErrorKind::Truncated);
        assert_eq!(kind(array.get(5 * PAGE)), ErrorKind::Truncated);
        assert_eq!(kind(array.set(end, 1)), ErrorKind::Truncated);
        assert_eq!(kind(array.set(7 * PAGE, 1)), ErrorKind::Truncated);
        assert_eq!(kind(array.copy_from(end / 2, &bytes[end / 2..])), ErrorKind::Truncated);
        assert_eq!(kind(array.copy_to(0, &mut bytes.clone())), ErrorKind::Truncated);
        assert_eq!(kind(array.check()), ErrorKind::Truncated);
        // SAFETY: no slice comes of it.
        assert_eq!(kind(unsafe { array.as_slice() }), ErrorKind::Truncated);
        let mut before = 0;
        let read = array.for_each_chunk(.., |chunk| before += chunk.len());
        assert_eq!((kind(read), before), (ErrorKind::Truncated, 0), "a piece is whole or not seen");
        if end > 0 {
            array.set(end - 1, 9).unwrap();
            assert_eq!(array.get(end - 1).unwrap(), 9);
            let mut rest = vec![0; end - 1];
            array.copy_to(0, &mut rest).unwrap();
            assert_eq!(rest, bytes[..end - 1]);
        }
        // Another mapping of the file has lost nothing before it looks.
        file.set_len(10 * PAGE);
        assert_eq!(other.get(9 * PAGE).unwrap(), 0);
        assert_eq!(kind(array.get(9 * PAGE)), ErrorKind::Os, "lost in this mapping for good");
        let anew = FileArray::<u8>::open(&file.0).unwrap();
        assert_eq!(anew.get(9 * PAGE).unwrap(), 0);
    }
}

/// Reads all until it is told otherwise.
fn read_until_short(array: FileArray<u64>, rounds: Atomic<u64>) -> multiproc::Result<()> {
    loop {
        array.for_each_chunk(.., |chunk| assert!(chunk.iter().all(|&number| number == 1)))?;
        rounds.fetch_add(1, Ordering::Relaxed);
    }
}

fn write_until_short(array: FileArray<u64>, rounds: Atomic<u64>) -> multiproc::Result<()> {
    let ones = vec![1; array.len()];
    loop {
        array.copy_from(0, &ones)?;
        rounds.fetch_add(1, Ordering::Relaxed);
    }
}

/// The file is cut under readers and writers in two processes and in threads of this one. All are told, nobody dies, no wrong element is seen.
#[test]
fn a_file_cut_under_readers_and_writers_kills_nobody() {
    let _watchdog = watchdog(120);
    const NUMBERS: usize = 200_000;
    for cut in [0, 8, 3 * PAGE, NUMBERS * 4 + 8, NUMBERS * 8 - 8] {
        let file = Scratch::new("cut", bytemuck::cast_slice(&vec![1_u64; NUMBERS]));
        let array = FileArray::<u64>::builder().writable(true).open(&file.0).unwrap();
        let rounds: [Atomic<u64>; 4] = std::array::from_fn(|_| Atomic::new(0).unwrap());
        let [r0, r1, r2, r3] = rounds.clone();
        let mut fates = vec![
            spawn(read_until_short, (array.clone(), r0)).unwrap(),
            spawn(write_until_short, (array.clone(), r1)).unwrap(),
        ];
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| read_until_short(array.clone(), r2));
            let writer = scope.spawn(|| write_until_short(array.clone(), r3));
            // All of them are in the middle of it.
            while rounds.iter().any(|rounds| rounds.load(Ordering::Relaxed) < 2) {
                std::thread::yield_now();
            }
            file.set_len(cut);
            for told in [reader.join().unwrap(), writer.join().unwrap()] {
                assert_eq!(kind(told), ErrorKind::Truncated);
            }
        });
        for process in fates.drain(..) {
            assert_eq!(kind(process.join().unwrap()), ErrorKind::Truncated);
        }
        assert_eq!(fs::metadata(&file.0).unwrap().len(), cut as u64, "nothing made it longer");
        let mut rest = vec![0; cut / 8];
        array.copy_to(0, &mut rest).unwrap();
        assert!(rest.iter().all(|&number| number == 1));
    }
}

/// Cut and made long again and again, under readers that open it anew each time.
#[test]
fn a_file_that_comes_and_goes() {
    let _watchdog = watchdog(120);
    let file = Scratch::new("comes", &[1; 64 * PAGE]);
    let done = Atomic::new(false).unwrap();
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let (mut whole, mut short) = (0_u32, 0_u32);
                    while !done.load(Ordering::Relaxed) {
                        let array = FileArray::<u8>::open(&file.0).unwrap();
                        let read = array.for_each_chunk(.., |_| {});
                        match read.map_err(|error| error.kind()) {
                            Ok(()) => whole += 1,
                            Err(ErrorKind::Truncated | ErrorKind::Os) => short += 1,
                            Err(other) => panic!("{other:?}"),
                        }
                    }
                    (whole, short)
                })
            })
            .collect();
        for round in 0..3000 {
            file.set_len(round * 7919 % (64 * PAGE));
            file.set_len(64 * PAGE);
        }
        done.store(true, Ordering::Relaxed);
        let seen: Vec<_> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert!(seen.iter().any(|&(whole, short)| whole + short > 0), "{seen:?}");
    });
}

/// Places in the handler's table are given back.
#[test]
fn many_arrays_one_after_the_other_and_at_a_time() {
    let _watchdog = watchdog(60);
    let file = Scratch::new("many", &pattern(100));
    for _ in 0..10_000 {
        assert_eq!(FileArray::<u8>::open(&file.0).unwrap().get(99).unwrap(), pattern(100)[99]);
    }
    let mut many: Vec<_> = (0..300).map(|_| FileArray::<u8>::open(&file.0).unwrap()).collect();
    drop(many.drain(100..200));
    file.set_len(0);
    for array in &many {
        assert_eq!(kind(array.get(0)), ErrorKind::Truncated);
    }
}

/// Memory of a file that has ended, mapped by somebody else: touching it is a SIGBUS that is not ours.
fn foreign_fault() {
    let file = Scratch::new("foreign", &[1; PAGE]);
    let opened = File::open(&file.0).unwrap();
    // SAFETY: it is cut, and touched by a volatile read, just to fault.
    let mapped = unsafe { memmap2::Mmap::map(&opened) }.unwrap();
    file.set_len(0);
    drop(file);
    // SAFETY: mapped; the answer is a signal.
    let byte = unsafe { mapped.as_ptr().read_volatile() };
    unreachable!("the file has no byte {byte}");
}

/// A fault that is ours, answered.
fn own_fault() {
    let file = Scratch::new("own", &[1; PAGE]);
    let array = FileArray::<u8>::open(&file.0).unwrap();
    file.set_len(0);
    assert_eq!(kind(array.get(0)), ErrorKind::Truncated);
}

fn send_sigbus() {
    let own = std::process::id() as libc::pid_t;
    // SAFETY: no pointers.
    unsafe { libc::kill(own, libc::SIGBUS) };
}

fn fate(function: impl multiproc::Function<(), Output = ()>) -> Result<(), ProcessError> {
    spawn(function, ()).unwrap().join()
}

#[test]
fn a_foreign_sigbus_still_kills() {
    let _watchdog = watchdog(60);
    for fate in [
        fate(|| {
            own_fault();
            foreign_fault();
        }),
        fate(|| {
            own_fault();
            send_sigbus();
        }),
    ] {
        assert!(matches!(fate, Err(ProcessError::Signalled { signal: 7, .. })), "{fate:?}");
    }
}

extern "C" fn exit_with_the_code(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel gives it to a handler with SA_SIGINFO.
    let code = unsafe { &*info }.si_code;
    // SAFETY: async-signal-safe.
    unsafe { libc::_exit(if code > 0 { 40 + code } else { 50 }) }
}

extern "C" fn exit_with_the_signal(signal: libc::c_int) {
    // SAFETY: async-signal-safe.
    unsafe { libc::_exit(60 + signal) }
}

fn handle(handler: usize, flags: libc::c_int) {
    // SAFETY: zeros are a valid action.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: the handlers only exit.
    assert_eq!(unsafe { libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut()) }, 0);
}

#[test]
fn a_foreign_sigbus_goes_to_the_handler_that_was_there() {
    let _watchdog = watchdog(60);
    let cases = [
        (
            fate(|| {
                handle(exit_with_the_code as *const () as usize, libc::SA_SIGINFO);
                own_fault();
                foreign_fault();
            }),
            42,
        ),
        (
            fate(|| {
                handle(exit_with_the_code as *const () as usize, libc::SA_SIGINFO);
                own_fault();
                send_sigbus();
            }),
            50,
        ),
        (
            fate(|| {
                handle(exit_with_the_signal as *const () as usize, 0);
                own_fault();
                foreign_fault();
            }),
            67,
        ),
    ];
    for (fate, expected) in cases {
        assert!(
            matches!(fate, Err(ProcessError::Exited { code, .. }) if code == expected),
            "{fate:?}, not {expected}"
        );
    }
    // Who ignored the signal ignores it still, but a fault cannot be ignored.
    let ignored = fate(|| {
        handle(libc::SIG_IGN, 0);
        own_fault();
        send_sigbus();
    });
    ignored.unwrap();
    let fault = fate(|| {
        handle(libc::SIG_IGN, 0);
        own_fault();
        foreign_fault();
    });
    assert!(matches!(fault, Err(ProcessError::Signalled { signal: 7, .. })), "{fault:?}");
}

/// Rust's own handlers, which a program has from the beginning of `main`, do what they did: a stack that overflows is told, other faults kill.
#[test]
fn the_runtimes_handlers_are_as_before() {
    const NAME: &str = "the_runtimes_handlers_are_as_before";
    #[expect(unconditional_recursion, reason = "to overflow")]
    fn deeper(depth: u64) -> u64 {
        let kept = std::hint::black_box([depth; 64]);
        deeper(depth + 1) + kept[(depth % 64) as usize]
    }
    match env::var("MP_TEST_FAULT").as_deref() {
        Ok("stack") => {
            own_fault();
            let overflow = || std::hint::black_box(deeper(0));
            let thread = std::thread::Builder::new().name("deep".into()).spawn(overflow);
            let _ = thread.unwrap().join();
            unreachable!("the stack has an end");
        }
        Ok("foreign") => {
            own_fault();
            foreign_fault();
        }
        _ => {}
    }
    let _watchdog = watchdog(60);
    for (fault, signal, told) in [("stack", 6, "overflowed its stack"), ("foreign", 7, "")] {
        let mut child = Command::new(env::current_exe().unwrap());
        let child = child.args(["--exact", NAME, "--nocapture"]).env("MP_TEST_FAULT", fault);
        let output = child.output().unwrap();
        assert_eq!(output.status.signal(), Some(signal), "{fault}: {}", output.status);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains(told), "{fault}: {errors}");
    }
}

/// A hole in a file on a full file system: the kernel has no page for it, and says so by SIGBUS.
#[test]
fn a_full_file_system_is_told() {
    const NAME: &str = "a_full_file_system_is_told";
    if let Some(place) = mounted() {
        let path = place.join("hole");
        File::create(&path).unwrap().set_len(1 << 20).unwrap();
        let array = FileArray::<u8>::builder().writable(true).open(path).unwrap();
        let told = array.copy_from(0, &vec![1; array.len()]);
        assert_eq!(kind(told), ErrorKind::Os);
        assert_eq!(array.get(0).unwrap(), 1, "what there was room for is there");
        assert_eq!(kind(array.check()), ErrorKind::Os);
        return;
    }
    let _watchdog = watchdog(60);
    let place = env::temp_dir().join(unique("full"));
    fs::create_dir(&place).unwrap();
    in_small_file_system(NAME, "64k", &place);
    fs::remove_dir(&place).unwrap();
}

/// A handle to a file that was replaced or removed is refused by the receiver, as an error of the arguments.
#[test]
fn a_handle_to_another_file_is_refused() {
    let _watchdog = watchdog(60);
    let file = Scratch::new("handle", &pattern(100));
    let array = FileArray::<u8>::builder().offset(10).open(&file.0).unwrap();
    let first = |array: FileArray<u8>| -> multiproc::Result<u8> { array.get(0) };
    let found = spawn(first, (array.clone(),)).unwrap().join().unwrap().unwrap();
    assert_eq!(found, pattern(100)[10]);
    let other = Scratch::new("replacement", &pattern(100));
    fs::rename(&other.0, &file.0).unwrap();
    let refused = spawn(first, (array.clone(),)).unwrap().join();
    let Err(ProcessError::Decode { message, .. }) = refused else { panic!("{refused:?}") };
    assert!(message.contains("another file"), "{message}");
    fs::remove_file(&file.0).unwrap();
    let refused = spawn(first, (array.clone(),)).unwrap().join();
    assert!(matches!(refused, Err(ProcessError::Decode { .. })), "{refused:?}");
    assert_eq!(array.get(0).unwrap(), pattern(100)[10], "here it is still mapped");
}

/// A result, too: the worker's handle has gone when the parent opens it.
#[test]
fn a_handle_comes_back() {
    let _watchdog = watchdog(60);
    let file = Scratch::new("back", &pattern(100));
    let array = FileArray::<u8>::open(&file.0).unwrap();
    let mut child = spawn(|array: FileArray<u8>| array, (array,)).unwrap();
    let back = child.join_timeout(Duration::from_secs(30)).unwrap().unwrap();
    assert_eq!((back.len(), back.get(1).unwrap()), (100, pattern(100)[1]));
    assert!(format!("{back:?}").contains("whole: true"), "{back:?}");
}
