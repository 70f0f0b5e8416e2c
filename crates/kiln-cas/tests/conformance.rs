//! What every store of blobs does, and what the one on disk survives.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed case")]
#![expect(clippy::disallowed_methods, reason = "cases look at the disk")]

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use kiln_cas::{Cas, CasError, DiskCas, Lease, MemoryCas, sweep};
use kiln_digest::Digest;
use kiln_tree::{Draft, File, RelPath};
use tempfile::TempDir;

/// Runs a case on a store in memory and on one on disk.
fn on_both(case: fn(&dyn Cas)) {
    case(&MemoryCas::default());
    let (_folder, disk) = disk();
    case(&disk);
}

fn disk() -> (TempDir, DiskCas) {
    let folder = TempDir::new().unwrap();
    let disk = DiskCas::open(folder.path()).unwrap();
    (folder, disk)
}

/// Gives some bytes, then fails.
struct Torn(&'static [u8]);

impl Read for Torn {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("torn")),
            n_read => Ok(n_read),
        }
    }
}

#[test]
fn what_was_written_is_read() {
    on_both(|cas| {
        let long = vec![7; 1 << 20];
        for bytes in [b"".as_slice(), b"kiln", &long] {
            let digest = cas.write(bytes).unwrap();
            assert_eq!(digest, Digest::of(bytes));
            assert_eq!(cas.write(bytes).unwrap(), digest);
            assert_eq!(cas.write_stream(&mut &*bytes, true).unwrap(), digest);
            assert_eq!(cas.write_stream(&mut &*bytes, false).unwrap(), digest);
            assert_eq!(cas.read(digest).unwrap(), bytes);
        }
    });
}

#[test]
fn what_is_not_there_is_missing() {
    on_both(|cas| {
        let absent = Digest::of(b"absent");
        let here = cas.write_stream(&mut b"here".as_slice(), true).unwrap();
        assert_eq!(cas.missing(&[here, absent, Digest::EMPTY]).unwrap(), [absent]);
        assert!(matches!(cas.read(absent), Err(CasError::Missing { digest }) if digest == absent));
        assert_eq!(cas.read(Digest::EMPTY).unwrap(), b"", "the empty blob is always there");
    });
}

#[test]
fn a_torn_stream_leaves_nothing() {
    on_both(|cas| {
        let torn = cas.write_stream(&mut Torn(b"half"), false);
        assert!(matches!(torn, Err(CasError::Stream { .. })));
        assert_eq!(cas.missing(&[Digest::of(b"half")]).unwrap().len(), 1);
    });
}

#[test]
fn a_tree_comes_back() {
    on_both(|cas| {
        let mut draft = Draft::default();
        let file = File::new(cas.write(b"x").unwrap(), false);
        draft.put(&RelPath::parse("a/b/c").unwrap(), file).unwrap();
        let tree = draft.seal();
        assert!(matches!(cas.read_tree(tree.digest()), Err(CasError::Tree { .. })));
        cas.write_tree(&tree).unwrap();
        assert_eq!(cas.read_tree(tree.digest()).unwrap(), tree);
    });
}

#[test]
fn many_writers_of_one_blob_succeed() {
    let (folder, _disk) = disk();
    let bytes = vec![1; 100_000];
    let write = || {
        // Each has a store of its own on the folder, as processes have.
        let disk = DiskCas::open(folder.path()).unwrap();
        disk.write_stream(&mut bytes.as_slice(), false).unwrap()
    };
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8).map(|_| scope.spawn(write)).collect();
        for writer in writers {
            assert_eq!(writer.join().unwrap(), Digest::of(&bytes));
        }
    });
    assert_eq!(DiskCas::open(folder.path()).unwrap().read(Digest::of(&bytes)).unwrap(), bytes);
}

#[test]
fn a_blob_has_a_file_for_each_executable_bit() {
    let (_folder, disk) = disk();
    let digest = disk.write_stream(&mut b"tool".as_slice(), true).unwrap();
    for (executable, mode) in [(true, 0o755), (false, 0o644)] {
        let found = fs::metadata(disk.file(digest, executable).unwrap()).unwrap();
        assert_eq!((found.mode() & 0o7777, found.mtime()), (mode, 1_321_009_871));
    }
    let [plain, tool] = [false, true].map(|executable| disk.file(digest, executable).unwrap());
    assert_ne!(fs::metadata(plain).unwrap().ino(), fs::metadata(tool).unwrap().ino());
    assert!(disk.file(Digest::EMPTY, false).unwrap().exists());
    let absent = disk.file(Digest::of(b"absent"), false);
    assert!(matches!(absent, Err(CasError::Missing { .. })));
}

/// Damages the file of a blob; a read must tell or give the right bytes, and a write must heal.
fn check_damage(damage: fn(&Path)) {
    let (folder, disk) = disk();
    let digest = disk.write(b"precious").unwrap();
    let path = disk.file(digest, false).unwrap();
    damage(&path);
    assert!(disk.file(digest, false).is_err(), "it must not be staged");
    match disk.read(digest) {
        Ok(bytes) => panic!("gave {bytes:?}"),
        Err(CasError::Corrupt { .. } | CasError::Missing { .. } | CasError::Read { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    assert_eq!(disk.missing(&[digest]).unwrap(), [digest]);
    assert_eq!(disk.write(b"precious").unwrap(), digest);
    assert_eq!(disk.read(digest).unwrap(), b"precious");
    assert_eq!(disk.file(digest, false).unwrap(), path);
    drop(disk);
    let left: Vec<PathBuf> = paths(&folder.path().join("tmp"));
    assert!(left.iter().all(|path| path.ends_with(".gate")), "{left:?}");
}

fn paths(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_damaged_blob_is_found_and_replaced() {
    check_damage(|path| fs::write(path, "longer than it").unwrap());
    check_damage(|path| fs::write(path, "previous").unwrap());
    check_damage(|path| fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap());
    check_damage(|path| fs::remove_file(path).unwrap());
    check_damage(|path| {
        fs::remove_file(path).unwrap();
        fs::create_dir_all(path.join("below")).unwrap();
    });
    check_damage(|path| {
        fs::remove_file(path).unwrap();
        symlink("/etc/hostname", path).unwrap();
    });
}

#[test]
fn a_touched_blob_is_read_again_and_trusted() {
    let (_folder, disk) = disk();
    let digest = disk.write(b"same").unwrap();
    let path = disk.file(digest, false).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "same").unwrap();
    assert_eq!(disk.file(digest, false).unwrap(), path);
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.mode() & 0o7777, found.mtime()), (0o644, 1_321_009_871));
}

#[test]
fn a_bad_bit_is_found_when_it_is_read() {
    let (_folder, disk) = disk();
    let digest = disk.write(b"precious").unwrap();
    let path = disk.file(digest, false).unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    // A disk that rots changes no time.
    fs::write(&path, "preciouz").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert!(matches!(disk.read(digest), Err(CasError::Corrupt { .. })));
    assert_eq!(disk.missing(&[digest]).unwrap(), [digest], "it is taken away");
}

#[test]
fn only_folders_of_the_dead_are_swept() {
    let parent = TempDir::new().unwrap();
    let remove = |path: &Path| fs::remove_dir_all(path);
    let alive = Lease::take(parent.path(), "run").unwrap();
    let other = Lease::take(parent.path(), "run").unwrap();
    assert_ne!(alive.folder(), other.folder());
    assert_eq!(sweep(parent.path(), &remove).unwrap(), 0);
    let dead = other.folder().to_path_buf();
    drop(other);
    fs::create_dir(parent.path().join("died-early")).unwrap();
    assert_eq!(sweep(parent.path(), &remove).unwrap(), 2);
    assert!(alive.folder().exists() && !dead.exists());
    assert_eq!(sweep(&parent.path().join("absent"), &remove).unwrap(), 0);
}

/// Writes a blob whose bytes change under its time, as in a crash; `act` comes before that. Returns whether it is still
/// trusted in another boot, and the folder of the store.
fn after_a_crash(act: fn(&DiskCas, &Path)) -> (bool, TempDir) {
    let folder = TempDir::new().unwrap();
    let disk = DiskCas::open_in_boot(folder.path(), "first").unwrap();
    let [torn, whole] = [b"torn", b"good"].map(|bytes| disk.write(bytes).unwrap());
    fs::create_dir_all(folder.path().join("trees/some")).unwrap();
    let path = disk.file(torn, false).unwrap();
    act(&disk, &path);
    drop(disk);
    let in_boot = |boot: &str| DiskCas::open_in_boot(folder.path(), boot).unwrap();
    assert!(in_boot("first").file(torn, false).is_ok(), "in one boot it is trusted");
    for boot in ["second", "second"] {
        let disk = in_boot(boot);
        let found = fs::metadata(disk.file(whole, false).unwrap()).unwrap();
        assert_eq!((found.mode() & 0o7777, found.mtime()), (0o644, 1_321_009_871));
    }
    let is_trusted = in_boot("second").file(torn, false).is_ok();
    (is_trusted, folder)
}

/// Writes other bytes of the same length and puts the time back.
fn tear(path: &Path) {
    let time = fs::metadata(path).unwrap().modified().unwrap();
    fs::write(path, "nrot").unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn what_a_crash_may_have_torn_is_read_again() {
    let (is_trusted, folder) = after_a_crash(|_disk, path| tear(path));
    assert!(!is_trusted);
    assert!(!folder.path().join("trees/some").exists(), "nobody looks into a staged tree");
}

#[test]
fn what_is_on_the_disk_is_trusted_after_a_crash() {
    let (is_trusted, folder) = after_a_crash(|disk, path| {
        tear(path);
        // The clock of the file system must show more than when the last change was made.
        let mark = disk.folder().join("mark");
        let changed = |path: &Path| {
            let found = fs::metadata(path).unwrap();
            (found.ctime(), found.ctime_nsec())
        };
        while !mark.exists() || changed(&mark) <= changed(path) {
            fs::write(&mark, "").unwrap();
        }
        disk.make_durable().unwrap();
    });
    assert!(is_trusted, "it is not even looked at");
    assert!(folder.path().join("trees/some").exists());
}

#[test]
fn a_torn_note_of_what_is_durable_makes_nothing_durable() {
    let (folder, disk) = disk();
    let digest = disk.write(b"torn").unwrap();
    tear(&disk.file(digest, false).unwrap());
    disk.make_durable().unwrap();
    drop(disk);
    fs::write(folder.path().join("epoch"), "first 99999999999").unwrap();
    let disk = DiskCas::open_in_boot(folder.path(), "second").unwrap();
    assert!(disk.file(digest, false).is_err());
}
