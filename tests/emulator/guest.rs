//! The VM as the calls that it makes see it: its memory, and what it may touch.

use wasmi::{Caller, Error, Extern, Memory};

use super::headers::HeaderMap;
use super::imports::status::OK;
use super::worker::Vm;

const REQUEST_HEADERS: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const RESPONSE_HEADERS: u32 = 2;

pub(super) const REQUEST_BODY: u32 = 0;
const PLUGIN_CONFIGURATION: u32 = 7;

/// The VM that makes a call. Memory that it names and does not have is a trap.
pub(super) struct Guest<'c>(Caller<'c, Vm>);

impl<'c> Guest<'c> {
    pub(super) fn new(caller: Caller<'c, Vm>) -> Self {
        Self(caller)
    }

    pub(super) fn vm(&mut self) -> &mut Vm {
        self.0.data_mut()
    }

    pub(super) fn header_map(&mut self, map: u32) -> Option<&mut HeaderMap> {
        let stream = self.vm().current_stream()?;
        match map {
            REQUEST_HEADERS => stream.request_headers.as_mut(),
            REQUEST_TRAILERS => stream.request_trailers.as_mut(),
            RESPONSE_HEADERS => stream.response_headers.as_mut(),
            _ => None,
        }
    }

    pub(super) fn buffer(&mut self, buffer: u32) -> Option<&[u8]> {
        match buffer {
            REQUEST_BODY => Some(&self.vm().current_stream()?.body),
            PLUGIN_CONFIGURATION => Some(&self.vm().current_root()?.configuration),
            _ => None,
        }
    }

    pub(super) fn bytes(&self, at: u32, size: u32) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; size as usize];
        self.memory()?.read(&self.0, at as usize, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn text(&self, at: u32, size: u32) -> Result<String, Error> {
        String::from_utf8(self.bytes(at, size)?).map_err(|_| Error::new("the filter hands over text that is not UTF-8"))
    }

    pub(super) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.memory()?.write(&mut self.0, at as usize, bytes)?)
    }

    /// Puts `bytes` into memory that the filter allocates for them, and says where. There is no memory for no bytes.
    pub(super) fn give(&mut self, bytes: &[u8], data: u32, size: u32) -> Result<u32, Error> {
        let length = u32::try_from(bytes.len()).map_err(|_| Error::new("more than a VM can hold"))?;
        let mut at = 0;
        if length > 0 {
            let allocate = self.0.get_export("proxy_on_memory_allocate").and_then(Extern::into_func);
            let allocate = allocate.ok_or_else(|| Error::new("the filter cannot allocate"))?;
            at = allocate.typed::<u32, u32>(&self.0)?.call(&mut self.0, length)?;
            self.write(at, bytes)?;
        }
        self.write(data, &at.to_le_bytes())?;
        self.write(size, &length.to_le_bytes())?;
        Ok(OK)
    }

    fn memory(&self) -> Result<Memory, Error> {
        let memory = self.0.get_export("memory").and_then(Extern::into_memory);
        memory.ok_or_else(|| Error::new("the filter exports no memory"))
    }
}
