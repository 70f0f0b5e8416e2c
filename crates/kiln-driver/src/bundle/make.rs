//! What targets need of outside, gathered and written as one file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kiln_action::CancelFlag;
use kiln_digest::{Digest, Hasher};
use kiln_event::{Event, Sink};
use kiln_exec::{ForeignError, Supply as _};
use kiln_ir::{Content, Pins, Source};
use kiln_lock::LockedSource;
use kiln_source::{Download, Fetcher, without_password};
use kiln_tree::Tree;

use super::BundleError;
use super::form::{END, Kind, LONGEST_LIST, List, Member, N_HEADER, header_of_list, padded};
use super::fresh::Fresh;
use crate::fetch::{pin, wanted_of};
use crate::loaded::{Loaded, target_names};
use crate::needs::{Need, all_or_failures, check_locked, needs, side_by_side, stopped};
use crate::run::Run;
use crate::store::Store;
use crate::supply::{Places, Supplier};
use crate::track::ended;
use crate::whole::Whole;
use crate::{Problem, Session, impure};

/// A bundle that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundled {
    pub path: PathBuf,
    pub n_files: usize,
    pub n_trees: usize,
    pub bytes: u64,
}

/// Writes all that some elements and all they need take from outside, or the whole project, into one file; what is not
/// in the cache is fetched. The same lock gives the same bytes.
///
/// # Errors
/// When the project has mistakes, something is not in the lock or cannot be brought, the file cannot be written, or
/// somebody asked to stop. Nothing half-written stays.
pub fn bundle(
    session: &Session,
    targets: &[String],
    to: &Path,
    shown: &dyn Sink,
    cancel: &CancelFlag,
) -> Result<Bundled, Problem> {
    let loaded = Loaded::load(session, targets)?;
    let names = target_names(&loaded, targets)?;
    check_locked(&loaded, &names)?;
    let store = Store::open(session)?;
    let run = Run::start(session, shown)?;
    let remark = "the bundle has sources and no base: each machine takes its own";
    impure::tell_missing(&loaded, &names, &run, remark);
    let pins = Pins::default();
    let supplier = Supplier::new(session, &loaded, &pins, &store, &run).until(cancel);
    let gather = Gather { session, loaded: &loaded, store: &store, run: &run, supplier: &supplier };
    let needs: Vec<Need<'_>> = needs(&loaded, &names).into_iter().collect();
    let work = || {
        let results = side_by_side(session, cancel, &needs, |need| gather.one(*need));
        let is_stopped = results.iter().any(Option::is_none);
        let mut gathered = all_or_failures(results, "bundled", &[])?;
        if is_stopped {
            return Err(stopped());
        }
        // Without them nobody knows what there is to build.
        for LockedSource { source, content: _, tree } in &loaded.fetched {
            let tree = Some((supplier.tree_kept(*tree)?, source.to_string()));
            gathered.push(Gathered { tree, ..Gathered::default() });
        }
        write(&store, &gathered, Place { to, here: &session.environment.cwd }, cancel)
    };
    let bundled = work();
    run.emit(ended(bundled.is_ok(), run.micros()));
    bundled
}

/// What one need is made of.
#[derive(Default)]
struct Gathered {
    /// Each with its URL.
    files: Vec<(Download, String)>,
    tree: Option<(Tree, String)>,
}

struct Gather<'a> {
    session: &'a Session,
    loaded: &'a Loaded,
    store: &'a Store,
    run: &'a Run<'a>,
    supplier: &'a Supplier<'a>,
}

impl Gather<'_> {
    fn one(&self, need: Need<'_>) -> Result<Gathered, ForeignError> {
        if let Need::Source(source) = need
            && self.is_carried_whole(source)?
        {
            let tree = Some((self.supplier.source(source)?, source.to_string()));
            return Ok(Gathered { tree, ..Gathered::default() });
        }
        let fetcher = self.supplier.fetcher()?;
        let mut gathered = Gathered::default();
        let wanted = wanted_of(self.loaded, self.supplier, need)?;
        match need {
            Need::Source(source) if wanted.is_empty() => self.watched(source, &fetcher),
            _ => {
                // A base has many files, and the threads of the others are busy.
                let downloads = fetcher.fetch_all(&wanted, self.run)?;
                let urls = wanted.iter().map(|wanted| without_password(&wanted.url));
                gathered.files = downloads.into_iter().zip(urls).collect();
                Ok(gathered)
            }
        }
    }

    /// Returns whether a source is carried as a tree whatever it is fetched as.
    fn is_carried_whole(&self, source: &Source) -> Result<bool, ForeignError> {
        Ok(match source {
            // Of an image the lock does not say which file it comes in.
            Source::OciImage { local, .. } => !local,
            // Their files are in their trees as they are, and not all are known by a sha256.
            Source::Pypi(_) | Source::Npm(_) | Source::GoModules(_) => true,
            // A commit is no file.
            _ => matches!(pin(self.loaded, source)?.content, Content::Commit(_)),
        })
    }

    /// Fetches a source as if it were not here, and looks what it asks for.
    fn watched(&self, source: &Source, fetcher: &Arc<Fetcher>) -> Result<Gathered, ForeignError> {
        let Places { cas, git, .. } = Places::of(self.store);
        // Nothing that was noted beside the downloads of this machine is known on another one.
        let downloads = self.store.cas.fresh().join("downloads");
        let places = Places { cas: Arc::new(Fresh::new(cas)), downloads, git };
        let watch = Watch { run: self.run, asked: Mutex::default() };
        let pins = Pins::default();
        let supplier = Supplier::apart(self.session, self.loaded, &pins, places, &watch);
        let tree = supplier.with(fetcher).source(source)?;
        let asked = watch.asked.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut gathered = Gathered::default();
        // What is needed to know what it is has its own place in the bundle.
        let inner: BTreeSet<String> = source.with_inner().skip(1).map(Source::to_string).collect();
        for url in asked.difference(&inner) {
            let files = fetcher.served(url);
            // What came in another way, such as a commit, cannot be carried as a file; then files are of no use.
            if files.is_empty() {
                let tree = Some((tree, source.to_string()));
                return Ok(Gathered { tree, ..Gathered::default() });
            }
            gathered.files.extend(files.into_iter().map(|file| (file, url.clone())));
        }
        Ok(gathered)
    }
}

/// Notes what is asked for.
struct Watch<'a> {
    run: &'a Run<'a>,
    asked: Mutex<BTreeSet<String>>,
}

impl Sink for Watch<'_> {
    fn emit(&self, event: Event) {
        if let Event::FetchStarted { source } = &event {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(source.clone());
        }
        self.run.emit(event);
    }
}

/// Where a bundle goes, as somebody said who was here.
struct Place<'a> {
    to: &'a Path,
    here: &'a Path,
}

/// Writes a bundle, and puts it in its place when it is whole.
fn write(
    store: &Store,
    gathered: &[Gathered],
    Place { to, here }: Place<'_>,
    cancel: &CancelFlag,
) -> Result<Bundled, Problem> {
    let mut list = List::default();
    for Gathered { files, tree } in gathered {
        for (download, url) in files {
            let known = list.files.entry(download.content).or_insert_with(|| url.clone());
            if *url < *known {
                known.clone_from(url);
            }
        }
        if let Some((tree, name)) = tree {
            list.trees.insert(tree.digest(), without_password(name));
            list.blobs.extend(tree.directories().keys().copied());
            list.blobs.extend(tree.files().map(|(_, file)| file.digest));
        }
    }
    list.blobs.remove(&Digest::EMPTY);
    let paths = gathered.iter().flat_map(|gathered| &gathered.files);
    let paths = paths.map(|(download, _)| (download.content, download.path.as_path())).collect();
    let at = here.join(to);
    let failed = |cause| BundleError::Write { path: to.to_owned(), cause };
    let whole = Whole::beside(&at).map_err(failed)?;
    let writing = Writing { store, paths, to, file: whole.file(), cancel };
    let bytes = writing.all(&list)?;
    whole.keep().map_err(failed)?;
    let (n_files, n_trees) = (list.files.len(), list.trees.len());
    Ok(Bundled { path: to.to_owned(), n_files, n_trees, bytes })
}

struct Writing<'a> {
    store: &'a Store,
    /// Where the downloads are.
    paths: BTreeMap<Digest, &'a Path>,
    to: &'a Path,
    file: &'a File,
    cancel: &'a CancelFlag,
}

impl Writing<'_> {
    fn all(&self, list: &List) -> Result<u64, Problem> {
        let failed = |cause| BundleError::Write { path: self.to.to_owned(), cause };
        let too_big = || failed(io::ErrorKind::FileTooLarge.into());
        let (members, bytes) = list.members().ok_or_else(too_big)?;
        let mut out = BufWriter::with_capacity(1 << 17, self.file);
        let text = list.text();
        if text.len() as u64 > LONGEST_LIST {
            return Err(too_big().into());
        }
        let header = header_of_list(text.len() as u64);
        out.write_all(&header).and_then(|()| out.write_all(text.as_bytes())).map_err(failed)?;
        fill(&mut out, text.len() as u64).map_err(failed)?;
        for member in &members {
            if self.cancel.is_set() {
                return Err(stopped());
            }
            self.member(*member, &mut out)?;
        }
        out.write_all(&vec![0; usize::try_from(END).unwrap_or(0)]).map_err(failed)?;
        out.flush().map_err(failed)?;
        Ok(bytes)
    }

    fn member(&self, member: Member, out: &mut BufWriter<&File>) -> Result<(), Problem> {
        let failed = |cause| BundleError::Write { path: self.to.to_owned(), cause };
        let Member { kind, digest, at: _ } = member;
        let mut from = match (kind, self.paths.get(&digest)) {
            (Kind::File, Some(path)) => {
                let read = |cause| BundleError::Read { path: path.to_path_buf(), cause };
                File::open(path).map_err(read)?
            }
            (Kind::File, None) => return Err(BundleError::Changed { digest }.into()),
            (Kind::Blob, _) => self.store.cas.open_blob(digest)?,
        };
        out.write_all(&member.header()).map_err(failed)?;
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; 1 << 17];
        loop {
            let n_read = from.read(&mut buffer).map_err(failed)?;
            let Some(bytes) = buffer.get(..n_read).filter(|bytes| !bytes.is_empty()) else { break };
            hasher.update(bytes);
            out.write_all(bytes).map_err(failed)?;
        }
        if hasher.finish() != digest {
            return Err(BundleError::Changed { digest }.into());
        }
        Ok(fill(out, digest.size).map_err(failed)?)
    }
}

/// Fills the last block of a content.
fn fill(out: &mut BufWriter<&File>, size: u64) -> io::Result<()> {
    let n_bytes = padded(size).map_or(0, |padded| padded - size);
    let nothing = [0; N_HEADER];
    out.write_all(nothing.get(..usize::try_from(n_bytes).unwrap_or(0)).unwrap_or_default())
}
