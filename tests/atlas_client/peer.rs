//! A server on a raw socket: it answers whatever a test makes it answer, be it half of an answer or none at all.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use atlas_cmk::atlas::{AtlasReader, AtlasWriter, Credential, CredentialSource};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::world::{CLIENT_SECRET, RETRY, TOKEN, http, service_account};

/// What the peer says to a request. It closes the connection afterwards.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A whole answer, with these further headers.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// These bytes and no more.
    Bytes(String),
    /// Nothing, and the connection stays open.
    Silence,
    /// A reply that takes its time.
    Late(Duration, Box<Reply>),
}

impl Reply {
    pub(crate) fn json(body: &Value) -> Self {
        Self::text(200, body.to_string())
    }

    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self::Answer(status, Vec::new(), body.into())
    }

    /// An answer whose body ends in its middle.
    pub(crate) fn half(body: &Value) -> Self {
        let whole = body.to_string();
        let half = &whole[..whole.len() / 2];
        Self::Bytes(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{half}", whole.len()))
    }
}

/// A request as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, null if there is none.
    pub(crate) fn json(&self) -> Value {
        if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body).expect("a JSON body") }
    }
}

type Requests = Arc<Mutex<Vec<Request>>>;

pub(crate) struct Peer {
    address: SocketAddr,
    requests: Requests,
    server: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Peer {
    /// Listens on the loopback interface.
    pub(crate) async fn start(answer: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Requests::default();
        let answer = Arc::new(Mutex::new(answer));
        let seen = Arc::clone(&requests);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                tokio::spawn(async move {
                    let ask = |request: &Request| {
                        seen.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
                        (*answer.lock().unwrap_or_else(PoisonError::into_inner))(request)
                    };
                    serve(stream, ask).await;
                });
            }
        });
        Self { address, requests, server }
    }

    /// One that hands out access tokens and otherwise gives these replies in turn, the last for ever.
    pub(crate) async fn atlas(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut api = in_turn(replies);
        Self::start(move |request| match request.target.as_str() {
            TOKEN => token(3600),
            _ => api(request),
        })
        .await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of the Atlas that this plays, with a service account.
    pub(crate) fn client(&self) -> AtlasWriter {
        self.client_with(service_account(CLIENT_SECRET))
    }

    pub(crate) fn client_with(&self, credential: Credential) -> AtlasWriter {
        AtlasWriter::new(AtlasReader::new(
            http(),
            self.url().parse().expect("a URL"),
            CredentialSource::Fixed(credential),
            RETRY,
        ))
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every request so far but those for tokens.
    pub(crate) fn calls(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.target != TOKEN).collect()
    }
}

/// The replies in turn, the last for ever.
pub(crate) fn in_turn(replies: impl IntoIterator<Item = Reply>) -> impl FnMut(&Request) -> Reply + Send + 'static {
    let mut replies: Vec<Reply> = replies.into_iter().collect();
    replies.reverse();
    move |_| if replies.len() > 1 { replies.pop() } else { replies.first().cloned() }.expect("a reply")
}

/// A fresh access token that lives for so many seconds.
pub(crate) fn token(lifetime: u64) -> Reply {
    Reply::json(&json!({"access_token": "t0ken", "expires_in": lifetime, "token_type": "Bearer"}))
}

async fn serve(mut stream: TcpStream, mut ask: impl FnMut(&Request) -> Reply) {
    let Some(request) = read(&mut stream).await else { return };
    let mut reply = ask(&request);
    while let Reply::Late(delay, late) = reply {
        tokio::time::sleep(delay).await;
        reply = *late;
    }
    let text = match reply {
        Reply::Answer(status, headers, body) => {
            let mut head = vec![format!("HTTP/1.1 {status} x")];
            head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
            head.push(format!("content-length: {}", body.len()));
            format!(
                "{}
connection: close

{body}",
                head.join(
                    "
"
                )
            )
        }
        Reply::Bytes(text) => text,
        Reply::Silence | Reply::Late(..) => return std::future::pending().await,
    };
    // A client that has gone does not want the answer.
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Reads one request; `None` when the connection ends before it does.
async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        (stream.read_buf(&mut bytes).await.ok()? > 0).then_some(())?;
    };
    let mut body = bytes.split_off(head + 4);
    let text = String::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    let mut start = lines.next()?.split(' ');
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let request =
        Request { method: start.next()?.to_owned(), target: start.next()?.to_owned(), headers, body: Vec::new() };
    let length: usize = request.header("content-length").map_or(Some(0), |text| text.parse().ok())?;
    while body.len() < length {
        (stream.read_buf(&mut body).await.ok()? > 0).then_some(())?;
    }
    Some(Request { body, ..request })
}
