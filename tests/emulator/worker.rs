//! One worker thread: a VM, and the calls into it.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmi::{Instance, Linker, Store, WasmParams, WasmResults};

use super::headers::HeaderMap;
use super::host::Host;
use super::stream::{Hold, Message, Stream};
use super::{imports, module};

const CONTINUE: u32 = 0;

/// A worker thread of a [`Host`].
pub(crate) struct Worker {
    store: Store<Vm>,
    instance: Instance,
    last_context: u32,
    /// The root context that new streams belong to: of the last configuration that was not refused.
    root: Option<u32>,
}

/// What the host knows of a VM.
pub(super) struct Vm {
    pub(super) host: Arc<Host>,
    pub(super) roots: BTreeMap<u32, Root>,
    pub(super) streams: BTreeMap<u32, Stream>,
    /// The context that has been called.
    pub(super) called: u32,
    /// The context that the filter has put in its place until the call returns.
    pub(super) effective: Option<u32>,
}

/// The plugin with one configuration.
#[derive(Default)]
pub(super) struct Root {
    pub(super) configuration: Vec<u8>,
    /// Milliseconds.
    pub(super) tick_period: u32,
}

impl Worker {
    /// A worker of `host` with a new VM.
    pub(crate) fn start(host: &Arc<Host>) -> Self {
        let filter = module::filter();
        let vm =
            Vm { host: Arc::clone(host), roots: BTreeMap::new(), streams: BTreeMap::new(), called: 0, effective: None };
        let mut store = Store::new(filter.engine(), vm);
        let mut linker = Linker::new(filter.engine());
        imports::define(&mut linker, filter).expect("every import is defined once");
        let instance = linker.instantiate_and_start(&mut store, filter).expect("the filter starts");
        let mut worker = Self { store, instance, last_context: 0, root: None };
        worker.call::<_, ()>(0, "_initialize", ());
        worker
    }

    /// Hands a configuration to the filter; whether it takes it. Where not, the one before goes on.
    pub(crate) fn configure(&mut self, configuration: &[u8]) -> bool {
        let id = self.new_context();
        let size = number(configuration.len());
        let root = Root { configuration: configuration.to_vec(), ..Root::default() };
        self.store.data_mut().roots.insert(id, root);
        self.call::<_, ()>(id, "proxy_on_context_create", (id, 0));
        assert_eq!(self.call::<_, u32>(id, "proxy_on_vm_start", (id, 0)), 1);
        let taken = self.call::<_, u32>(id, "proxy_on_configure", (id, size)) != 0;
        if taken {
            self.root = Some(id);
        }
        self.retire_roots();
        taken
    }

    /// The tick of every configuration that has asked for one.
    pub(crate) fn tick(&mut self) {
        let roots = &self.store.data().roots;
        let ticking: Vec<_> = roots.iter().filter(|(_, root)| root.tick_period > 0).map(|(id, _)| *id).collect();
        for id in ticking {
            self.call::<_, ()>(id, "proxy_on_tick", id);
            self.send_local_replies();
        }
    }

    /// A request's headers arrive, with what other filters have put into its filter state; the new stream's id.
    pub(crate) fn request_headers(
        &mut self,
        headers: HeaderMap,
        is_whole: bool,
        filter_state: BTreeMap<String, Vec<u8>>,
    ) -> u32 {
        let root = self.root.expect("Envoy makes streams for a plugin that took its configuration");
        let id = self.new_context();
        let count = number(headers.len());
        let stream = Stream { root, filter_state, request_headers: Some(headers), ..Stream::default() };
        self.store.data_mut().streams.insert(id, stream);
        self.call::<_, ()>(id, "proxy_on_context_create", (id, root));
        let action = self.call::<_, u32>(id, "proxy_on_request_headers", (id, count, u32::from(is_whole)));
        let body_is_shown = self.store.data().host.allow_on_headers_stop_iteration;
        let stream = self.stream_mut(id);
        if action == CONTINUE {
            stream.send_on(is_whole);
            stream.request_headers = None;
        } else {
            stream.hold = if body_is_shown { Hold::Iteration } else { Hold::All };
        }
        self.send_local_replies();
        id
    }

    /// A part of a request's body arrives. Once the request has its answer, Envoy shows the filter no more of it.
    pub(crate) fn request_body(&mut self, id: u32, part: &[u8], is_last: bool) {
        let stream = self.stream_mut(id);
        if stream.answer.is_some() {
            return;
        }
        stream.body_bytes_received += part.len();
        stream.body.extend_from_slice(part);
        if stream.hold == Hold::All {
            return;
        }
        let size = number(stream.body.len());
        if self.call::<_, u32>(id, "proxy_on_request_body", (id, size, u32::from(is_last))) == CONTINUE {
            self.stream_mut(id).send_on(is_last);
        }
        self.send_local_replies();
    }

    /// Bytes of a request's body arrive that a filter before this one holds for now.
    pub(crate) fn request_body_elsewhere(&mut self, id: u32, bytes: usize) {
        self.stream_mut(id).body_bytes_received += bytes;
    }

    /// A request's trailers arrive: one, with what might be a key.
    pub(crate) fn request_trailers(&mut self, id: u32) {
        let stream = self.stream(id);
        if stream.answer.is_some() || stream.hold == Hold::All {
            return;
        }
        let mut trailers = HeaderMap::default();
        trailers.add("authorization", "Bearer of-the-trailers");
        self.stream_mut(id).request_trailers = Some(trailers);
        if self.call::<_, u32>(id, "proxy_on_request_trailers", (id, 1)) == CONTINUE {
            let sent_on = self.stream_mut(id).request_trailers.take();
            assert_eq!(sent_on.map(|trailers| trailers.iter().count()), Some(0), "trailers never reach the upstream");
            self.stream_mut(id).send_on(true);
        }
        self.send_local_replies();
    }

    /// An answer arrives, from the upstream or from Envoy itself.
    pub(crate) fn answer(&mut self, id: u32, answer: Message) {
        let Message { headers, body } = answer;
        let count = number(headers.len());
        self.stream_mut(id).response_headers = Some(headers);
        let is_whole = u32::from(body.is_empty());
        let action = self.call::<_, u32>(id, "proxy_on_response_headers", (id, count, is_whole));
        assert_eq!(action, CONTINUE, "an answer is never held back");
        let headers = self.stream_mut(id).response_headers.take().expect("the headers are still there");
        if !body.is_empty() {
            let action = self.call::<_, u32>(id, "proxy_on_response_body", (id, number(body.len()), 1));
            assert_eq!(action, CONTINUE, "an answer is never held back");
        }
        self.stream_mut(id).answer = Some(Message { headers, body });
    }

    /// Ends a stream: it is logged and forgotten.
    pub(crate) fn end(&mut self, id: u32) -> Stream {
        assert_eq!(self.call::<_, u32>(id, "proxy_on_done", id), 1);
        self.call::<_, ()>(id, "proxy_on_log", id);
        self.call::<_, ()>(id, "proxy_on_delete", id);
        let stream = self.store.data_mut().streams.remove(&id).expect("a stream that has not ended");
        self.retire_roots();
        stream
    }

    /// A stream that has not ended.
    pub(crate) fn stream(&self, id: u32) -> &Stream {
        &self.store.data().streams[&id]
    }

    /// How much memory the VM has taken.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.instance.get_memory(&self.store, "memory").expect("the VM has a memory").data_size(&self.store)
    }

    fn stream_mut(&mut self, id: u32) -> &mut Stream {
        self.store.data_mut().streams.get_mut(&id).expect("a stream that has not ended")
    }

    fn new_context(&mut self) -> u32 {
        self.last_context += 1;
        self.last_context
    }

    /// What Envoy does after each call into a VM. A stream that has an answer already gets no other.
    fn send_local_replies(&mut self) {
        let streams = self.store.data_mut().streams.iter_mut();
        let replies: Vec<_> = streams.filter_map(|(id, stream)| Some((*id, stream.local_reply.take()?))).collect();
        for (id, reply) in replies {
            if self.stream(id).answer.is_none() {
                self.stream_mut(id).details = Some(reply.details.clone());
                self.answer(id, reply.into_message());
            }
        }
    }

    /// Ends the root contexts that no stream can come to any more.
    fn retire_roots(&mut self) {
        let Vm { roots, streams, .. } = self.store.data();
        let is_used = |id: u32| self.root == Some(id) || streams.values().any(|stream| stream.root == id);
        let unused: Vec<_> = roots.keys().copied().filter(|id| !is_used(*id)).collect();
        for id in unused {
            assert_eq!(self.call::<_, u32>(id, "proxy_on_done", id), 1);
            self.call::<_, ()>(id, "proxy_on_delete", id);
            self.store.data_mut().roots.remove(&id);
        }
    }

    /// Calls a function of the filter for a context.
    fn call<P: WasmParams, R: WasmResults>(&mut self, context: u32, name: &str, parameters: P) -> R {
        let function = self.instance.get_typed_func::<P, R>(&self.store, name);
        let function = function.unwrap_or_else(|error| panic!("the filter's {name} cannot be called: {error}"));
        let vm = self.store.data_mut();
        vm.called = context;
        vm.effective = None;
        let result = function.call(&mut self.store, parameters);
        result.unwrap_or_else(|error| {
            panic!("{name} trapped: {error}\nthe log: {:#?}", self.store.data().host.log());
        })
    }
}

impl Vm {
    /// The stream that host calls are about.
    pub(super) fn current_stream(&mut self) -> Option<&mut Stream> {
        self.streams.get_mut(&self.effective.unwrap_or(self.called))
    }

    /// The root context that host calls are about.
    pub(super) fn current_root(&mut self) -> Option<&mut Root> {
        self.roots.get_mut(&self.effective.unwrap_or(self.called))
    }
}

fn number(length: usize) -> u32 {
    u32::try_from(length).expect("a test's messages are short")
}
