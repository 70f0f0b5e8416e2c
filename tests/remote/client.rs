//! Sends blobs and actions to an engine and reads back what it made, with the protocol's own types.

use std::collections::BTreeMap;
use std::io;

use bazel_remote_apis::build::bazel::remote::execution::v2 as reapi;
use bazel_remote_apis::google::longrunning::operation;
use kiln_action::Action;
use kiln_digest::Digest;
use kiln_tree::Tree;
use prost::Message;
use reapi::content_addressable_storage_client::ContentAddressableStorageClient;
use reapi::execution_client::ExecutionClient;
use tokio::runtime::{Builder, Runtime};
use tonic::transport::{Channel, Endpoint};

/// Bytes by digest.
pub(crate) type Blobs = BTreeMap<Digest, Vec<u8>>;

/// Larger batches do not fit into one message of the transport.
const BATCH: usize = 3_500_000;

/// A blocking client of one engine.
pub(crate) struct Client {
    runtime: Runtime,
    channel: Channel,
}

/// What an engine made of an action.
#[derive(Debug)]
pub(crate) struct Result {
    pub(crate) exit_code: i32,
    pub(crate) stderr: String,
    /// Output directories by path, as they came: with times, if the command asked for them.
    pub(crate) outputs: BTreeMap<String, Tree>,
}

impl Client {
    pub(crate) fn connect(url: String) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("threads exist");
        let endpoint = Endpoint::from_shared(url).expect("the engine's address is a URL");
        let channel = runtime.block_on(endpoint.connect()).expect("the engine listens");
        Self { runtime, channel }
    }

    /// Uploads all blobs that the engine lacks.
    pub(crate) fn upload(&self, blobs: &Blobs) {
        let mut store = ContentAddressableStorageClient::new(self.channel.clone());
        let wanted = reapi::FindMissingBlobsRequest {
            blob_digests: blobs.keys().map(|digest| message(*digest)).collect(),
            ..Default::default()
        };
        let missing = self.runtime.block_on(store.find_missing_blobs(wanted));
        let missing = missing.expect("the engine says what it lacks").into_inner();
        let digests = missing.missing_blob_digests.iter().map(value);
        for batch in batches(digests.collect(), blobs) {
            let answer = self.runtime.block_on(store.batch_update_blobs(batch));
            for response in answer.expect("the engine takes blobs").into_inner().responses {
                let code = response.status.as_ref().map_or(0, |status| status.code);
                assert_eq!(code, 0, "a blob was refused: {response:?}");
            }
        }
    }

    /// Uploads an action with all its inputs, executes it and reads its outputs back.
    pub(crate) fn execute(&self, action: &Action, files: &Blobs) -> Result {
        let mut blobs = files.clone();
        for encoded in [action.encode(), action.command.encode()] {
            blobs.insert(Digest::of(&encoded), encoded);
        }
        for (digest, directory) in action.input_root.directories() {
            blobs.insert(digest, directory.encode());
        }
        self.upload(&blobs);
        let result = self.run(action.digest());
        let outputs = result.output_directories.iter().map(|output| {
            let tree = output.tree_digest.as_ref().map(value).expect("an output has a tree");
            (output.path.clone(), self.read_output(tree))
        });
        Result {
            exit_code: result.exit_code,
            stderr: self.text(&result.stderr_raw, result.stderr_digest.as_ref()),
            outputs: outputs.collect(),
        }
    }

    fn run(&self, action: Digest) -> reapi::ActionResult {
        let request = reapi::ExecuteRequest {
            action_digest: Some(message(action)),
            skip_cache_lookup: true,
            ..Default::default()
        };
        let mut engine = ExecutionClient::new(self.channel.clone());
        let done = self.runtime.block_on(async {
            let mut operations = engine.execute(request).await?.into_inner();
            let mut last = None;
            while let Some(operation) = operations.message().await? {
                last = Some(operation);
            }
            Ok::<_, tonic::Status>(last)
        });
        let operation = done.expect("the engine executes").expect("there is an operation");
        let Some(operation::Result::Response(response)) = operation.result else {
            panic!("the operation gave no response: {operation:?}");
        };
        let response = reapi::ExecuteResponse::decode(response.value.as_slice());
        let response = response.expect("the response is of its type");
        let status = response.status.clone().unwrap_or_default();
        assert_eq!(status.code, 0, "the engine could not run the action: {}", status.message);
        response.result.expect("a run action has a result")
    }

    /// Reads an output directory from its `Tree` message.
    fn read_output(&self, digest: Digest) -> Tree {
        let message = reapi::Tree::decode(self.read(digest).as_slice());
        let message = message.expect("an output is a Tree message");
        let root = message.root.unwrap_or_default().encode_to_vec();
        let below = message.children.iter().map(Message::encode_to_vec);
        let directories: Blobs =
            below.chain([root.clone()]).map(|bytes| (Digest::of(&bytes), bytes)).collect();
        let mut read = |digest| {
            let found = directories.get(&digest).cloned();
            found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        Tree::load(Digest::of(&root), &mut read).expect("the engine's directories are canonical")
    }

    /// Reads one blob.
    pub(crate) fn read(&self, digest: Digest) -> Vec<u8> {
        let mut store = ContentAddressableStorageClient::new(self.channel.clone());
        let wanted =
            reapi::BatchReadBlobsRequest { digests: vec![message(digest)], ..Default::default() };
        let answer = self.runtime.block_on(store.batch_read_blobs(wanted));
        let mut responses = answer.expect("the engine gives blobs").into_inner().responses;
        responses.pop().expect("one blob was asked for").data
    }

    fn text(&self, raw: &[u8], digest: Option<&reapi::Digest>) -> String {
        let bytes = match digest.map(value) {
            Some(digest) if raw.is_empty() && digest.size > 0 => self.read(digest),
            _ => raw.to_vec(),
        };
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Groups blobs into requests that fit into one message each.
fn batches(digests: Vec<Digest>, blobs: &Blobs) -> Vec<reapi::BatchUpdateBlobsRequest> {
    let mut batches: Vec<reapi::BatchUpdateBlobsRequest> = Vec::new();
    let mut room = 0;
    for digest in digests {
        let data = blobs[&digest].clone();
        assert!(data.len() < BATCH, "a blob of {} bytes does not fit into a batch", data.len());
        // Each request costs its digest besides its bytes.
        let cost = data.len() + 128;
        if cost > room {
            batches.push(reapi::BatchUpdateBlobsRequest::default());
            room = BATCH;
        }
        room -= cost;
        let request = reapi::batch_update_blobs_request::Request {
            digest: Some(message(digest)),
            data,
            ..Default::default()
        };
        batches.last_mut().expect("a batch was opened").requests.push(request);
    }
    batches
}

fn message(digest: Digest) -> reapi::Digest {
    let size_bytes = i64::try_from(digest.size).expect("sizes fit");
    reapi::Digest { hash: digest.hex(), size_bytes }
}

fn value(digest: &reapi::Digest) -> Digest {
    let text = format!("{}/{}", digest.hash, digest.size_bytes);
    text.parse().expect("the engine sends digests of sha256")
}
