//! Versions of resources, negotiated by media type.
//!
//! Each resource has its own list of dated versions. The client names a date in `Accept`; the newest version
//! that is not later serves the request, which is why MongoDB's own examples get away with dates that no
//! version of the resource has (an inference from those examples, stated by no source outright).

use axum::http::StatusCode;
use jiff::civil::Date;

use crate::error::ApiError;

/// The media type of a version: `application/vnd.atlas.2023-01-01+json`.
const PREFIX: &str = "application/vnd.atlas.";
const SUFFIX: &str = "+json";

/// The `Content-Type` that names the version served. Recorded answer.
pub(crate) fn content_type(version: &str) -> String {
    format!("{PREFIX}{version}{SUFFIX};charset=utf-8")
}

/// Chooses the version that serves a request.
///
/// `versions` are the resource's versions, oldest first. `gone` are those that were removed: Atlas answers
/// 410 for them, naming the version and the path.
pub(crate) fn negotiate(
    accept: Option<&str>,
    versions: &[&'static str],
    gone: &[&'static str],
    today: Date,
    path: &str,
) -> Result<&'static str, ApiError> {
    let asked = accept
        .and_then(|accept| accept.split(',').find_map(date_of))
        .filter(|date| *date <= today)
        .ok_or_else(invalid)?;
    let newest_of = |list: &[&'static str]| {
        list.iter().copied().filter(|version| version.parse::<Date>().is_ok_and(|date| date <= asked)).max()
    };
    if let Some(version) = newest_of(versions) {
        return Ok(version);
    }
    match newest_of(gone) {
        Some(version) => Err(ApiError::new(
            StatusCode::GONE,
            "VERSION_GONE",
            format!("Version {version} of {path} is no longer available."),
        )
        .with(version)
        .with(path.trim_start_matches('/'))),
        None => Err(invalid()),
    }
}

/// Whether a request body may come under this content type: plain JSON or any version's media type.
pub(crate) fn is_json(content_type: Option<&str>) -> bool {
    content_type.is_some_and(|value| essence(value) == "application/json" || date_of(value).is_some())
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn date_of(media_type: &str) -> Option<Date> {
    essence(media_type).strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok()
}

fn invalid() -> ApiError {
    ApiError::new(StatusCode::NOT_ACCEPTABLE, "INVALID_VERSION_DATE", "Invalid accept header or version date.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSIONS: [&str; 2] = ["2024-08-05", "2024-10-23"];
    const GONE: [&str; 1] = ["2023-01-01"];

    /// The version served, or the status and code of the refusal.
    fn served(accept: Option<&str>) -> String {
        let today = Date::constant(2026, 8, 10);
        match negotiate(accept, &VERSIONS, &GONE, today, "/api/atlas/v2/groups/x/clusters") {
            Ok(version) => version.to_owned(),
            Err(error) => format!("{} {}", error.status.as_u16(), error.code),
        }
    }

    #[test]
    fn the_newest_version_not_after_the_date_serves_the_request() {
        let table = [
            ("application/vnd.atlas.2024-08-05+json", "2024-08-05"),
            ("application/vnd.atlas.2024-09-01+json", "2024-08-05"),
            ("application/vnd.atlas.2024-10-23+json", "2024-10-23"),
            ("application/vnd.atlas.2025-03-12+json", "2024-10-23"),
            ("application/vnd.atlas.2025-03-12+json; charset=utf-8", "2024-10-23"),
            ("text/html, application/vnd.atlas.2024-08-05+json", "2024-08-05"),
        ];
        for (accept, version) in table {
            assert_eq!(served(Some(accept)), version, "{accept}");
        }
    }

    #[test]
    fn without_a_version_of_the_past_nothing_is_acceptable() {
        let refused = "406 INVALID_VERSION_DATE";
        assert_eq!(served(None), refused);
        for accept in [
            "*/*",
            "application/json",
            "application/vnd.atlas.preview+json",
            "application/vnd.atlas.2024-13-05+json",
            "application/vnd.atlas.2020-01-01+json",
            "application/vnd.atlas.2099-01-01+json",
        ] {
            assert_eq!(served(Some(accept)), refused, "{accept}");
        }
    }

    #[test]
    fn a_removed_version_is_gone() {
        assert_eq!(served(Some("application/vnd.atlas.2023-02-01+json")), "410 VERSION_GONE");
    }

    #[test]
    fn a_body_may_be_plain_json_or_versioned() {
        assert!(is_json(Some("application/json; charset=utf-8")));
        assert!(is_json(Some("application/vnd.atlas.2023-01-01+json")));
        assert!(!is_json(Some("text/plain")));
        assert!(!is_json(None));
    }
}
