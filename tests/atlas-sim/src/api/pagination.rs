//! Pages of lists.

use axum::http::header;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::incoming::Incoming;

/// The page a request asks for.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    number: usize,
    size: usize,
    count: bool,
}

/// The answer to a list request: the page it asks for, with links and, unless unwanted, the total.
pub(super) fn paginate(request: &Incoming, items: Vec<Value>) -> Result<Value, ApiError> {
    let page = page(request)?;
    let total = items.len();
    let results: Vec<Value> =
        items.into_iter().skip((page.number - 1).saturating_mul(page.size)).take(page.size).collect();
    let link = |number: usize, rel: &str| {
        let host = request.header(header::HOST.as_str()).unwrap_or("cloud.mongodb.com");
        let (path, count, size) = (&request.path, page.count, page.size);
        json!({
            "href": format!("http://{host}{path}?includeCount={count}&pageNum={number}&itemsPerPage={size}"),
            "rel": rel,
        })
    };
    let mut links = vec![link(page.number, "self")];
    if page.number > 1 {
        links.push(link(page.number - 1, "previous"));
    }
    if page.number.saturating_mul(page.size) < total {
        links.push(link(page.number + 1, "next"));
    }
    let mut body = json!({"links": links, "results": results});
    if page.count {
        body["totalCount"] = total.into();
    }
    Ok(body)
}

fn page(request: &Incoming) -> Result<Page, ApiError> {
    Ok(Page {
        number: number(request, "pageNum", 1, usize::MAX)?,
        size: number(request, "itemsPerPage", 100, 500)?,
        count: request.query_parameter("includeCount").is_none_or(|value| value != "false"),
    })
}

fn number(request: &Incoming, name: &str, default: usize, max: usize) -> Result<usize, ApiError> {
    let Some(text) = request.query_parameter(name) else {
        return Ok(default);
    };
    text.parse().ok().filter(|number| (1..=max).contains(number)).ok_or_else(|| {
        ApiError::bad_request("INVALID_QUERY_PARAMETER", format!("An invalid query parameter {name} was specified."))
            .with(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use axum::http::HeaderMap;

    fn list(query: &str) -> Result<Value, ApiError> {
        let request = Incoming {
            method: "GET".to_owned(),
            path: "/list".to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        paginate(&request, (1..=5).map(Value::from).collect())
    }

    #[test]
    fn each_page_has_its_items_and_its_links() -> Result<(), ApiError> {
        let table = [
            ("", json!([1, 2, 3, 4, 5]), json!(["self"])),
            ("itemsPerPage=2", json!([1, 2]), json!(["self", "next"])),
            ("itemsPerPage=2&pageNum=2", json!([3, 4]), json!(["self", "previous", "next"])),
            ("itemsPerPage=2&pageNum=3", json!([5]), json!(["self", "previous"])),
            ("itemsPerPage=2&pageNum=9", json!([]), json!(["self", "previous"])),
        ];
        for (query, results, rels) in table {
            let body = list(query)?;
            assert_eq!(body["results"], results, "{query}");
            let links = body["links"].as_array().cloned().unwrap_or_default();
            let found: Vec<Value> = links.iter().map(|link| link["rel"].clone()).collect();
            assert_eq!(Value::from(found), rels, "{query}");
            assert_eq!(body["totalCount"], 5);
        }
        Ok(())
    }

    #[test]
    fn the_count_can_be_left_out() -> Result<(), ApiError> {
        assert!(list("includeCount=false")?.get("totalCount").is_none());
        Ok(())
    }

    #[test]
    fn pages_out_of_bounds_are_refused() {
        for query in ["pageNum=0", "itemsPerPage=501", "itemsPerPage=x"] {
            assert!(list(query).is_err(), "{query}");
        }
    }
}
