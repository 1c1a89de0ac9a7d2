use std::{cell::RefCell, time::Duration};

use serde::Deserialize;

use super::*;
use crate::{
    atlas::{AtlasReader, CredentialSource, RetryPolicy},
    error::{Error, ErrorName},
    http,
    report::Description,
    settings::Settings,
};

thread_local! {
    /// The world of the step below: whether its thing exists, and what its writes are going to answer.
    static WORLD: RefCell<(bool, Vec<Write>)> = const { RefCell::new((false, Vec::new())) };
}

#[derive(Clone, Copy)]
enum Write {
    Done,
    DoneButUnknown,
    LostAndUnknown,
    Refused,
}

struct EnsureThing;
struct NewThing;

#[derive(Deserialize, JsonSchema)]
struct Nothing {}

impl Described for NewThing {
    fn description(&self) -> Description {
        Description::create("thing", "made")
    }
}

impl Step for EnsureThing {
    const NAME: &'static str = "ensure-thing";
    const ABOUT: &'static str = "Makes sure of a thing";
    const ACTIONS: Actions = &[];
    type Input = Nothing;
    type Output = bool;

    fn sample() -> Value {
        serde_json::json!({})
    }
}

impl Converge for EnsureThing {
    type Observation = bool;
    type Change = NewThing;

    async fn observe(_: &Readers, _: &Nothing) -> Result<bool> {
        Ok(WORLD.with_borrow(|world| world.0))
    }

    fn decide(_: &Nothing, exists: &bool) -> Result<Vec<NewThing>> {
        Ok(if *exists { vec![] } else { vec![NewThing] })
    }

    async fn act(_: &Writers, _: &Nothing, _: bool, changes: &[NewThing]) -> Result<bool> {
        WORLD.with_borrow_mut(|(exists, writes)| {
            for _ in changes {
                let unknown = Error::new(ErrorName::AtlasUnavailable, "lost").with_unknown_outcome();
                match writes.remove(0) {
                    Write::Done => *exists = true,
                    Write::DoneButUnknown => {
                        *exists = true;
                        return Err(unknown);
                    }
                    Write::LostAndUnknown => return Err(unknown),
                    Write::Refused => return Err(Error::new(ErrorName::AtlasRejected, "no")),
                }
            }
            Ok(*exists)
        })
    }
}

fn converge_with(writes: &[Write]) -> (Result<Reply<bool>>, usize) {
    let (http, url) = (http::client(None).unwrap(), "http://127.0.0.1:9".parse().unwrap());
    let at_once = RetryPolicy { attempts: 1, floor: Duration::ZERO };
    let atlas = AtlasReader::new(http, url, CredentialSource::None, at_once);
    let mut readers = Readers::new(&settings(), SpokeRole::Read).unwrap();
    readers.atlas = atlas;
    WORLD.set((false, writes.to_vec()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let result = runtime.block_on(converge::<EnsureThing>(&readers, &Nothing {}));
    (result, WORLD.with_borrow(|world| world.1.len()))
}

fn settings() -> Settings {
    Settings::read(|name| match name {
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "ATLAS_SECRET_ID" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("unused".to_owned()),
        _ => None,
    })
    .unwrap()
}

#[test]
fn a_write_that_took_place_unseen_is_not_repeated() {
    let (result, unused) = converge_with(&[Write::DoneButUnknown, Write::Done]);
    assert_eq!(unused, 1);
    assert_eq!(result.unwrap().changes.len(), 1, "it is reported all the same");
}

#[test]
fn a_write_that_was_lost_is_repeated_once_and_only_once() {
    let (result, unused) = converge_with(&[Write::LostAndUnknown, Write::Done]);
    assert_eq!((result.unwrap().changes.len(), unused), (1, 0));
    let (result, unused) = converge_with(&[Write::LostAndUnknown, Write::LostAndUnknown, Write::Done]);
    assert_eq!((result.unwrap_err().name(), unused), (ErrorName::AtlasUnavailable, 1));
}

#[test]
fn a_refused_write_is_not_repeated() {
    let (result, unused) = converge_with(&[Write::Refused, Write::Done]);
    assert_eq!((result.unwrap_err().name(), unused), (ErrorName::AtlasRejected, 1));
}
