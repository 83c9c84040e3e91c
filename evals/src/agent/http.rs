//! A small HTTP/1.1 server for the suites: it keeps all that it was sent, and answers by a function.
//!
//! It stands where the product may send something: the model's endpoint, a chat, any address that a text
//! names. On 127.0.0.1 only.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::Value;

/// Longest body that is read.
const BODY_MAX: usize = 8 << 20;
/// Most headers of a request.
const HEADERS_MAX: usize = 100;

/// A request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `Null` where it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// What is sent back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Waits so long before it answers.
    pub(crate) wait: Duration,
    /// Sends nothing, and hangs up.
    pub(crate) is_silent: bool,
}

impl Answer {
    /// A JSON body.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, body: body.to_string().into_bytes(), wait: Duration::ZERO, is_silent: false }
    }
}

type Respond = dyn Fn(&Asked) -> Answer + Send + Sync;

/// A server on a port of its own, until it is dropped.
pub(crate) struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    is_over: Arc<AtomicBool>,
}

impl Server {
    /// Starts one that answers by `respond`.
    pub(crate) fn start(
        respond: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let respond: Arc<Respond> = Arc::new(respond);
        let (kept, over) = (Arc::clone(&asked), Arc::clone(&is_over));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let (kept, respond) = (Arc::clone(&kept), Arc::clone(&respond));
                thread::spawn(move || {
                    // A client that hangs up has its own reasons.
                    let _ = converse(&stream, &kept, &*respond);
                });
            }
        });
        Ok(Self { port, asked, is_over })
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All that was asked so far, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How much was asked so far.
    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // Wakes the one that waits for a connection.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

fn converse(
    stream: &TcpStream,
    kept: &Mutex<Vec<Asked>>,
    respond: &Respond,
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(asked) = read(&mut reader)? {
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
        let Answer { status, body, wait, is_silent } = respond(&asked);
        thread::sleep(wait);
        if is_silent {
            return Ok(());
        }
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        writer.write_all(head.as_bytes())?;
        writer.write_all(&body)?;
        writer.flush()?;
    }
    Ok(())
}

/// The next request; `None` at the end of the connection.
fn read(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut length = 0_usize;
    for _ in 0..HEADERS_MAX {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim_end();
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length.min(BODY_MAX)];
    reader.read_exact(&mut body)?;
    Ok(Some(Asked { method, path, body }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_kept_and_answered() {
        let server = Server::start(|asked| Answer::json(201, &asked.json())).unwrap();
        for text in ["{\"a\":1}", "{\"b\":2}"] {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            let request =
                format!("POST /x HTTP/1.1\r\nContent-Length: {}\r\n\r\n{text}", text.len());
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = vec![0; 64 << 10];
            let length = stream.read(&mut answer).unwrap();
            assert!(String::from_utf8_lossy(&answer[..length]).starts_with("HTTP/1.1 201"));
        }
        assert_eq!(server.count(), 2);
        assert_eq!(server.asked()[1].json()["b"], 2);
    }
}
