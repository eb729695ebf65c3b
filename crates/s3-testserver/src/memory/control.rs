//! What a test in another process asks of the server, under `/-/`, a path that no bucket can have.
//!
//! | request | what it does |
//! | --- | --- |
//! | `GET /-/counters` | the [`Counters`](super::Counters) as JSON |
//! | `DELETE /-/counters` | sets them to zero and forgets the requests seen |
//! | `GET /-/seen` | every request as JSON, in order |
//! | `GET /-/uploads` | the open uploads as JSON |
//! | `PUT /-/script` | plays the [`Script`](super::Script) in the body, in place of the one before |

use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};
use serde::Serialize;

use super::Shared;
use super::reply::Reply;
use super::script::Script;

const PREFIX: &str = "/-/";

pub(crate) fn is_for(parts: &Parts) -> bool {
    parts.uri.path().starts_with(PREFIX)
}

pub(crate) fn answer(shared: &Shared, parts: &Parts, body: &Bytes) -> Reply {
    match (&parts.method, &parts.uri.path()[PREFIX.len()..]) {
        (&Method::GET, "counters") => json(&shared.counters()),
        (&Method::DELETE, "counters") => {
            shared.forget();
            Reply::empty(StatusCode::NO_CONTENT)
        }
        (&Method::GET, "seen") => json(&shared.notes().seen),
        (&Method::GET, "uploads") => json(&shared.open_uploads()),
        (&Method::PUT, "script") => match serde_json::from_slice::<Script>(body) {
            Ok(script) => {
                shared.player.load(script);
                Reply::empty(StatusCode::NO_CONTENT)
            }
            Err(error) => text(StatusCode::BAD_REQUEST, error.to_string()),
        },
        _ => text(StatusCode::NOT_FOUND, "see /-/ in the docs".to_owned()),
    }
}

fn json(value: &impl Serialize) -> Reply {
    match serde_json::to_string(value) {
        Ok(json) => {
            let mut reply = text(StatusCode::OK, json);
            reply.set("content-type", "application/json");
            reply
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

fn text(status: StatusCode, text: String) -> Reply {
    let mut reply = Reply::empty(status);
    reply.body.push(text.into());
    reply
}
