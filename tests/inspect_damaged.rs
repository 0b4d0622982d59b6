//! Whatever the bytes of a segment are, who looks at it gets an answer, soon, and in little memory.

mod support;

use multiproc::{
    Array, InPlace, Lock, Pool, Queue, RwLock, Segment, Value,
    inspect::{self, Detail},
};
use std::{
    fs,
    os::unix::fs::{FileExt, PermissionsExt},
    path::{Path, PathBuf},
};
use support::{clean, unique, watchdog};

multiproc::test_support!();

/// As others do it, with a state that tells where it began.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// A copy of all files of a segment.
struct Copy {
    directory: PathBuf,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Copy {
    fn of(name: &str) -> Self {
        let directory = std::env::temp_dir().join(unique("damaged-copies"));
        fs::create_dir_all(&directory).unwrap();
        let mut files = Vec::new();
        for entry in fs::read_dir("/dev/shm").unwrap().flatten() {
            let file = entry.file_name().into_string().unwrap_or_default();
            if file == name || file.starts_with(&format!("{name}.multiproc-")) {
                files.push((directory.join(file), fs::read(entry.path()).unwrap()));
            }
        }
        let copy = Self { directory, files };
        (0..copy.files.len()).for_each(|file| copy.restore(file));
        copy
    }

    fn restore(&self, file: usize) {
        let (path, bytes) = &self.files[file];
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn look(&self, name: &str) -> multiproc::Result<inspect::Report> {
        inspect::look_file(self.directory.join(name))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn furnish(segment: &Segment) -> Vec<Box<dyn std::any::Any>> {
    let lock = Lock::new_in(segment).unwrap();
    segment.publish("lock", &lock).unwrap();
    let queue = Queue::<u64, InPlace>::in_place_in(segment, 8).unwrap();
    queue.send(1).unwrap();
    segment.publish("queue", &queue).unwrap();
    let value = Value::new_in(segment, 7_u64).unwrap();
    segment.publish("value", &value).unwrap();
    let array = Array::<u32>::zeroed_in(segment, 5000).unwrap();
    segment.publish("array", &array).unwrap();
    vec![
        Box::new(lock),
        Box::new(queue),
        Box::new(value),
        Box::new(array),
        Box::new(RwLock::new_in(segment).unwrap()),
    ]
}

#[test]
fn flipped_and_cut_bytes_are_survived() {
    let _alive = watchdog(120);
    let name = unique("damaged");
    clean(&name, || {
        let segment = Segment::create(&name).unwrap();
        let _objects = furnish(&segment);
        let copy = Copy::of(&name);
        assert!(copy.look(&name).unwrap().objects.len() >= 6);
        // Where there is something: else most flips hit zeros that nobody reads.
        let used: Vec<Vec<u64>> = copy
            .files
            .iter()
            .map(|(_, bytes)| {
                let words = bytes.chunks(8).enumerate();
                words
                    .filter(|(_, word)| word.iter().any(|&byte| byte != 0))
                    .map(|(at, _)| at as u64 * 8)
                    .collect()
            })
            .collect();
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut errors = 0;
        for _ in 0..400 {
            let file = random.below(copy.files.len() as u64) as usize;
            let (path, bytes) = &copy.files[file];
            let object = fs::OpenOptions::new().write(true).open(path).unwrap();
            for _ in 0..=random.below(6) {
                let at = if random.below(4) == 0 {
                    random.below(bytes.len() as u64)
                } else {
                    used[file][random.below(used[file].len() as u64) as usize] + random.below(8)
                };
                let word = random.next().to_ne_bytes();
                let length = 1 << random.below(4);
                object.write_all_at(&word[..length], at).unwrap();
            }
            if random.below(8) == 0 {
                object.set_len(random.below(bytes.len() as u64)).unwrap();
            }
            errors += u32::from(copy.look(&name).is_err());
            copy.restore(file);
        }
        assert!(errors > 0 && copy.look(&name).is_ok());
    });
}

#[test]
fn many_made_up_blocks_take_little_time_and_memory() {
    let _alive = watchdog(120);
    let pool = Pool::new(1).unwrap();
    let name = Segment::session().unwrap().name().to_owned();
    let copy = Copy::of(&name);
    let report = copy.look(&name).unwrap();
    let board = report.objects.iter().find(|object| matches!(object.detail, Detail::Pool { .. }));
    let (part, block) = board.unwrap().id.split_once(':').unwrap();
    let part = format!("{name}.multiproc-{}", part.replace('.', "-"));
    let (path, bytes) = copy.files.iter().find(|(path, _)| path.ends_with(&part)).unwrap();
    forge(path, bytes, block.parse().unwrap());
    let before = most_memory();
    let report = copy.look(&name).unwrap();
    let more = most_memory() - before;
    assert!(report.problems.iter().any(|problem| problem.contains("too much")), "{report:#?}");
    assert!(more < 256 << 20, "{more} bytes for {} objects", report.objects.len());
    drop(pool);
}

/// Makes a member of huge blocks, all holes of the file, each of them the object in this block, and all of them in everybody's use.
fn forge(path: &Path, bytes: &[u8], block: usize) {
    const PAGE: usize = 4096;
    const DESCRIPTOR: usize = 128;
    const BLOCKS: usize = 200_000;
    const BLOCK_BYTES: usize = 4 << 20;
    let mut descriptor = bytes[PAGE + block * DESCRIPTOR..][..DESCRIPTOR].to_vec();
    assert_eq!(descriptor[7] >> 6, 2, "a block in use");
    // The pins, and behind the fingerprint the length.
    descriptor[8..72].fill(0xff);
    descriptor[80..88].copy_from_slice(&(BLOCK_BYTES as u64).to_ne_bytes());
    let first = (PAGE + BLOCKS * DESCRIPTOR).next_multiple_of(PAGE);
    let size = first + BLOCKS * BLOCK_BYTES;
    let mut head = bytes[..PAGE].to_vec();
    let numbers = [(32, size), (96, BLOCKS), (104, BLOCK_BYTES), (112, first)];
    for (at, number) in numbers {
        head[at..at + 8].copy_from_slice(&(number as u64).to_ne_bytes());
    }
    let table: Vec<u8> = descriptor.iter().copied().cycle().take(BLOCKS * DESCRIPTOR).collect();
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&head, 0).unwrap();
    file.write_all_at(&table, PAGE as u64).unwrap();
    file.set_len(size as u64).unwrap();
}

/// The resident memory of this process, at its most.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
