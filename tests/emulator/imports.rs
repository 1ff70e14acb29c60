//! The calls that the filter can make to its host.

use wasmi::errors::LinkerError;
use wasmi::{Caller, Error, Linker, Module};

use super::guest::{Guest, REQUEST_BODY};
use super::headers::HeaderMap;
use super::stream::LocalReply;
use super::worker::Vm;

/// Statuses of the ABI.
pub(super) mod status {
    pub(crate) const OK: u32 = 0;
    pub(crate) const NOT_FOUND: u32 = 1;
    pub(crate) const BAD_ARGUMENT: u32 = 2;
    pub(crate) const CAS_MISMATCH: u32 = 8;
}

use status::{BAD_ARGUMENT, NOT_FOUND, OK};

const LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "critical"];

/// Defines every import of `filter`: those that the filter is known to use, and a trap for each other.
pub(super) fn define(linker: &mut Linker<Vm>, filter: &Module) -> Result<(), LinkerError> {
    headers(linker)?;
    bodies(linker)?;
    properties(linker)?;
    shared_data(linker)?;
    root(linker)?;
    wasi(linker)?;
    // A name that has been defined stays what it is; only the others are new.
    for import in filter.imports() {
        let (module, name) = (import.module().to_owned(), import.name().to_owned());
        if let Some(function) = import.ty().func() {
            let trap = move |_: Caller<'_, Vm>, _: &[_], _: &mut [_]| {
                Err(Error::new(format!("the emulated host does not know {name}")))
            };
            let _ = linker.func_new(&module, import.name(), function.clone(), trap);
        }
    }
    Ok(())
}

/// Defines one call; its numbers are lengths, places in the VM's memory, and what the ABI lists.
macro_rules! call {
    ($linker:ident, $name:literal, |$guest:ident $(, $argument:ident)*| $body:expr) => {
        call!($linker, "env", $name, |$guest $(, $argument)*| $body)
    };
    ($linker:ident, $module:literal, $name:literal, |$guest:ident $(, $argument:ident)*| $body:expr) => {
        $linker.func_wrap($module, $name, |caller: Caller<'_, Vm> $(, $argument: u32)*| -> Result<u32, Error> {
            let mut $guest = Guest::new(caller);
            if let Some(status) = $guest.vm().host.failing($name) {
                return Ok(status);
            }
            $body
        })?
    };
}

fn headers(linker: &mut Linker<Vm>) -> Result<(), LinkerError> {
    call!(linker, "proxy_get_header_map_pairs", |guest, map, data, size| {
        // A map that is gone reads as an empty one.
        let headers = guest.header_map(map).filter(|headers| headers.len() > 0);
        let pairs = headers.map(|headers| headers.to_abi()).unwrap_or_default();
        guest.give(&pairs, data, size)
    });
    call!(linker, "proxy_replace_header_map_value", |guest, map, name, name_size, value, value_size| {
        let (name, value) = (guest.text(name, name_size)?, guest.bytes(value, value_size)?);
        let Some(headers) = guest.header_map(map) else { return Ok(BAD_ARGUMENT) };
        headers.replace(&name, value);
        Ok(OK)
    });
    call!(linker, "proxy_remove_header_map_value", |guest, map, name, name_size| {
        let name = guest.text(name, name_size)?;
        let Some(headers) = guest.header_map(map) else { return Ok(BAD_ARGUMENT) };
        headers.remove(&name);
        Ok(OK)
    });
    Ok(())
}

fn bodies(linker: &mut Linker<Vm>) -> Result<(), LinkerError> {
    call!(linker, "proxy_get_buffer_bytes", |guest, buffer, start, max, data, size| {
        let Some(bytes) = guest.buffer(buffer) else { return Ok(NOT_FOUND) };
        let from = bytes.len().min(start as usize);
        let to = bytes.len().min(from.saturating_add(max as usize));
        let part = bytes[from..to].to_vec();
        if part.is_empty() {
            // Envoy leaves the guest's variables as they are.
            return Ok(OK);
        }
        guest.give(&part, data, size)
    });
    call!(linker, "proxy_set_buffer_bytes", |guest, buffer, start, replaced, data, size| {
        let bytes = guest.bytes(data, size)?;
        let Some(stream) = guest.vm().current_stream().filter(|_| buffer == REQUEST_BODY && start == 0) else {
            return Ok(BAD_ARGUMENT);
        };
        let replaced = stream.body.len().min(replaced as usize);
        stream.body.splice(..replaced, bytes);
        Ok(OK)
    });
    call!(linker, "proxy_send_local_response", |guest,
                                                status,
                                                details,
                                                details_size,
                                                body,
                                                body_size,
                                                headers,
                                                headers_size,
                                                _grpc_status| {
        let details = guest.text(details, details_size)?;
        let body = guest.bytes(body, body_size)?;
        let headers = HeaderMap::from_abi(&guest.bytes(headers, headers_size)?);
        if let Some(stream) = guest.vm().current_stream() {
            stream.local_reply.get_or_insert(LocalReply { status, details, headers, body });
        }
        Ok(OK)
    });
    Ok(())
}

fn properties(linker: &mut Linker<Vm>) -> Result<(), LinkerError> {
    call!(linker, "proxy_get_property", |guest, path, path_size, data, size| {
        let path = guest.text(path, path_size)?;
        let path: Vec<_> = path.split('\0').collect();
        let Some(value) = guest.vm().current_stream().and_then(|stream| stream.property(&path)) else {
            return Ok(NOT_FOUND);
        };
        guest.give(&value, data, size)
    });
    call!(linker, "proxy_set_property", |guest, name, name_size, value, value_size| {
        let (name, value) = (guest.text(name, name_size)?, guest.bytes(value, value_size)?);
        let Some(stream) = guest.vm().current_stream() else { return Ok(NOT_FOUND) };
        stream.filter_state.insert(format!("wasm.{name}"), value);
        Ok(OK)
    });
    call!(linker, "proxy_call_foreign_function", |guest,
                                                  name,
                                                  name_size,
                                                  _arguments,
                                                  _arguments_size,
                                                  results,
                                                  results_size| {
        let name = guest.text(name, name_size)?;
        let Some(stream) = guest.vm().current_stream().filter(|_| name == "clear_route_cache") else {
            return Ok(NOT_FOUND);
        };
        stream.route_cache_cleared = true;
        guest.give(&[], results, results_size)
    });
    Ok(())
}

fn shared_data(linker: &mut Linker<Vm>) -> Result<(), LinkerError> {
    call!(linker, "proxy_get_shared_data", |guest, key, key_size, data, size, number| {
        let key = guest.bytes(key, key_size)?;
        let Some((value, current)) = guest.vm().host.load(&key) else { return Ok(NOT_FOUND) };
        guest.write(number, &current.to_le_bytes())?;
        guest.give(&value, data, size)
    });
    call!(linker, "proxy_set_shared_data", |guest, key, key_size, value, value_size, number| {
        let (key, value) = (guest.bytes(key, key_size)?, guest.bytes(value, value_size)?);
        Ok(guest.vm().host.store(key, value, number))
    });
    Ok(())
}

fn root(linker: &mut Linker<Vm>) -> Result<(), LinkerError> {
    call!(linker, "proxy_log", |guest, level, text, text_size| {
        let text = guest.text(text, text_size)?;
        guest.vm().host.add_line(format!("{}: {text}", LEVELS[level as usize]));
        Ok(OK)
    });
    call!(linker, "proxy_get_current_time_nanoseconds", |guest, at| {
        let now = u64::try_from(guest.vm().host.now().as_nanos()).expect("a time before 2554");
        guest.write(at, &now.to_le_bytes())?;
        Ok(OK)
    });
    call!(linker, "proxy_set_tick_period_milliseconds", |guest, period| {
        let Some(root) = guest.vm().current_root() else { return Ok(BAD_ARGUMENT) };
        root.tick_period = period;
        Ok(OK)
    });
    call!(linker, "proxy_set_effective_context", |guest, context| {
        let vm = guest.vm();
        if !vm.streams.contains_key(&context) && !vm.roots.contains_key(&context) {
            return Ok(BAD_ARGUMENT);
        }
        vm.effective = Some(context);
        Ok(OK)
    });
    Ok(())
}

/// What Rust's standard library asks for: seeds of hash tables, the environment (there is none), and standard error for
/// the last words before a trap.
fn wasi(linker: &mut Linker<Vm>) -> Result<(), LinkerError> {
    call!(linker, "wasi_snapshot_preview1", "random_get", |guest, at, size| {
        guest.write(at, &vec![4; size as usize])?;
        Ok(OK)
    });
    call!(linker, "wasi_snapshot_preview1", "environ_sizes_get", |guest, count, size| {
        guest.write(count, &[0; 4])?;
        guest.write(size, &[0; 4])?;
        Ok(OK)
    });
    call!(linker, "wasi_snapshot_preview1", "environ_get", |_guest, _entries, _text| Ok(OK));
    call!(linker, "wasi_snapshot_preview1", "fd_write", |guest, _file, parts, count, written| {
        let mut text = Vec::new();
        for part in 0..count {
            let number = |bytes: Vec<u8>| u32::from_le_bytes(*bytes.first_chunk().expect("four bytes"));
            let (at, size) = (guest.bytes(parts + part * 8, 4)?, guest.bytes(parts + part * 8 + 4, 4)?);
            text.extend(guest.bytes(number(at), number(size))?);
        }
        guest.vm().host.add_line(format!("stderr: {}", String::from_utf8_lossy(&text)));
        guest.write(written, &u32::try_from(text.len()).expect("a line").to_le_bytes())?;
        Ok(OK)
    });
    Ok(())
}
