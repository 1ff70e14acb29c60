//! The compiled filter, read and validated once for all tests of a process.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use wasmi::{Engine, Module};

/// The filter that `TOLLGATE_FILTER` names, or else the one that the build leaves in `target`.
pub(super) fn filter() -> &'static Module {
    static FILTER: OnceLock<Module> = OnceLock::new();
    FILTER.get_or_init(|| {
        let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tollgate.wasm");
        let file = std::env::var_os("TOLLGATE_FILTER").map_or_else(built, PathBuf::from);
        let read = std::fs::read(&file);
        let bytes = read.unwrap_or_else(|error| panic!("{}: {error}; `make filter` builds it", file.display()));
        let module = Module::new(&Engine::default(), bytes);
        module.unwrap_or_else(|error| panic!("{} is no module that can be run: {error}", file.display()))
    })
}
