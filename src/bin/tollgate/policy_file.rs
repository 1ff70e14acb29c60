//! Policies in files: YAML or JSON.

use std::path::Path;

use serde_json::Value;
use tollgate::policy::Policy;

/// A policy as it was written and as it is understood.
pub(crate) struct PolicyFile {
    /// As written, for the plugin's configuration.
    pub(crate) value: Value,
    /// As understood.
    pub(crate) policy: Policy,
}

/// Reads the policy in `path`.
///
/// # Errors
/// Every mistake in it, one a line, each with the file and the place.
pub(crate) fn read(path: &Path) -> Result<PolicyFile, Vec<String>> {
    let told = |problem: String| format!("{}: {problem}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| vec![told(error.to_string())])?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let all = |mistakes: Vec<tollgate::policy::Mistake>| -> Vec<String> {
        mistakes.iter().map(|mistake| told(mistake.to_string())).collect()
    };
    if is_json {
        let policy = Policy::from_json(text.as_bytes()).map_err(all)?;
        let value = serde_json::from_str(&text).map_err(|error| vec![told(error.to_string())])?;
        return Ok(PolicyFile { value, policy });
    }
    // The place only: what stands there may be a key that somebody put into the wrong file.
    let place = |error: &serde_saphyr::Error| {
        error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column()))
    };
    let not_yaml = |error: serde_saphyr::Error| {
        let reason = if error.to_string().contains("duplicate") { "a key stands twice" } else { "not YAML" };
        vec![told(format!("{reason}{}", place(&error).unwrap_or_default()))]
    };
    let value: Value = serde_saphyr::from_str(&text).map_err(not_yaml)?;
    let policy = Policy::from_value(&value).map_err(all)?;
    Ok(PolicyFile { value, policy })
}
