//! The service threads: everything slow that a venue thread must not do itself.
//!
//! Name resolution and REST. A venue thread sends a [`Job`] over a channel and gets an [`Answer`]
//! back over its own; bodies are parsed here, so that a big snapshot never stalls the other symbols
//! of a venue thread. Names have a thread of their own: a venue whose REST hangs does not keep
//! another one from reconnecting.
//!
//! # Guarantees
//!
//! - Every job gets exactly one answer, unless the engine stops first.
//! - Redirects are not followed, certificates are always verified, bodies and times are bounded.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender};
use tickbook_types::{ConnId, Venue};
use tickbook_venues::{
    RestError, RestPurpose, RestRequest, RestResponse, Subscription, parse_rest,
};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use crate::limits;
use crate::url::Url;

/// Something slow to be done for a venue thread.
#[derive(Debug)]
pub enum Job {
    /// Find the address of a host.
    Resolve {
        /// The connection it is for.
        conn: ConnId,
        /// Where it shall connect to.
        url: Url,
        /// Where the answer goes.
        reply: Sender<Answer>,
    },
    /// Fetch and parse.
    Fetch {
        /// The venue, for the parser.
        venue: Venue,
        /// Scheme, host and port.
        root: String,
        /// What is asked.
        request: RestRequest,
        /// Whether the answer carries the request's id; a replay hands out answers nobody asked.
        asked: bool,
        /// Where the answer goes.
        reply: Sender<Answer>,
    },
}

/// What became of a [`Job`], or something that the operator wants.
#[derive(Debug)]
pub enum Answer {
    /// The address of a host, or why there is none.
    Resolved {
        /// The connection it is for.
        conn: ConnId,
        /// Where it shall connect to.
        url: Url,
        /// The first address, IPv4 before IPv6.
        addr: Result<SocketAddr, String>,
    },
    /// A REST answer, and a line for the log when it is none.
    Rest(RestResponse, Option<String>),
    /// The subscriptions that are wanted from now on.
    Wish(Vec<Subscription>),
}

/// The running service threads. They end when the last sender of jobs is gone.
#[derive(Debug)]
pub struct Service {
    workers: Vec<JoinHandle<()>>,
}

impl Service {
    /// Starts the threads, `fetchers` of them for REST; `ca_file` names roots to trust besides the
    /// built-in ones.
    ///
    /// # Errors
    ///
    /// A line that says what is wrong with `ca_file`, or that no thread could be started.
    pub fn start(ca_file: Option<&Path>, fetchers: usize) -> Result<(Self, Sender<Job>), String> {
        let fetcher = Fetcher::new(ca_file)?;
        let (sender, jobs) = crossbeam_channel::unbounded();
        let (name_sender, names) = crossbeam_channel::unbounded();
        let (fetch_sender, fetches) = crossbeam_channel::unbounded();
        let mut workers = Vec::with_capacity(fetchers + 2);
        for index in 0..fetchers {
            let (fetches, fetcher) = (Receiver::clone(&fetches), fetcher.clone());
            workers.push(spawn(format!("tb-service-{index}"), move || work(&fetches, &fetcher))?);
        }
        workers.push(spawn("tb-names".to_owned(), move || work(&names, &fetcher))?);
        let sort = move || {
            for job in jobs {
                let to = match &job {
                    Job::Resolve { .. } => &name_sender,
                    Job::Fetch { .. } => &fetch_sender,
                };
                // A worker that has died is seen by `has_died`.
                let _ = to.send(job);
            }
        };
        workers.push(spawn("tb-service".to_owned(), sort)?);
        Ok((Self { workers }, sender))
    }

    /// Whether a thread ended although it should not have.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.workers.iter().any(JoinHandle::is_finished)
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, String> {
    let thread = thread::Builder::new().name(name).spawn(run);
    thread.map_err(|error| format!("cannot start a service thread: {error}"))
}

fn work(jobs: &Receiver<Job>, fetcher: &Fetcher) {
    for job in jobs {
        // A venue thread that has gone does not need its answer.
        let _ = match job {
            Job::Resolve { conn, url, reply } => {
                let addr = resolve(&url.host, url.port);
                reply.send(Answer::Resolved { conn, url, addr })
            }
            Job::Fetch { venue, root, request, asked, reply } => {
                let url = format!("{root}{}", request.path);
                let method = match request.purpose {
                    RestPurpose::ConnectionToken => Method::Post,
                    _ => Method::Get,
                };
                let (result, why) = match fetcher.fetch(method, &url) {
                    Ok(body) => (parse_rest(venue, &url, &body), None),
                    Err((error, why)) => (Err(error), Some(why)),
                };
                let why =
                    why.or_else(|| result.as_ref().err().map(|error| format!("{url}: {error}")));
                let id = asked.then_some(request.id);
                reply.send(Answer::Rest(RestResponse { id, url_path: request.path, result }, why))
            }
        };
    }
}

fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    let found =
        (host, port).to_socket_addrs().map_err(|error| format!("host '{host}': {error}"))?;
    let mut addrs: Vec<SocketAddr> = found.collect();
    addrs.sort_by_key(SocketAddr::is_ipv6);
    addrs.first().copied().ok_or_else(|| format!("host '{host}' has no address"))
}

/// An HTTP client that trusts the built-in roots and those of a file.
///
/// The client trusts either one set or the other, so there are two agents: what one refuses for its
/// certificate, the other may accept.
#[derive(Clone, Debug)]
struct Fetcher {
    agents: Vec<ureq::Agent>,
}

impl Fetcher {
    fn new(ca_file: Option<&Path>) -> Result<Self, String> {
        let mut agents = Vec::new();
        if let Some(path) = ca_file {
            agents.push(agent(RootCerts::Specific(Arc::new(roots_of(path)?))));
        }
        agents.push(agent(RootCerts::WebPki));
        Ok(Self { agents })
    }

    fn fetch(&self, method: Method, url: &str) -> Result<Vec<u8>, (RestError, String)> {
        let mut last = (RestError::Transport, format!("{url}: no agent"));
        for agent in &self.agents {
            match ask(agent, method, url) {
                Ok(body) => return Ok(body),
                Err(Miss { error, why, other_roots: false }) => return Err((error, why)),
                Err(Miss { error, why, .. }) => last = (error, why),
            }
        }
        Err(last)
    }
}

fn agent(roots: RootCerts) -> ureq::Agent {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(limits::REST_TIMEOUT))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("tickbook/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// Why there is no body.
struct Miss {
    error: RestError,
    why: String,
    /// Whether an agent that trusts other roots could do better: not after an answer or a timeout.
    other_roots: bool,
}

/// How a question is put.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Method {
    Get,
    /// Without a body.
    Post,
}

fn ask(agent: &ureq::Agent, method: Method, url: &str) -> Result<Vec<u8>, Miss> {
    let fault = |error: ureq::Error| Miss {
        why: format!("{url}: {error}"),
        other_roots: !matches!(error, ureq::Error::Timeout(_)),
        error: RestError::Transport,
    };
    let answered = match method {
        Method::Get => agent.get(url).call(),
        Method::Post => agent.post(url).send_empty(),
    };
    let mut response = answered.map_err(fault)?;
    let code = response.status().as_u16();
    if code != 200 {
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after_s = header.and_then(|seconds| seconds.trim().parse().ok());
        let error = RestError::Status { code, retry_after_s };
        return Err(Miss { error, why: format!("{url}: {error}"), other_roots: false });
    }
    response.body_mut().with_config().limit(limits::REST_BODY_MAX).read_to_vec().map_err(fault)
}

fn roots_of(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let file = path.display();
    let pem = std::fs::read(path).map_err(|error| format!("ca_file {file}: {error}"))?;
    let roots: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(root)) => Some(root),
            _ => None,
        })
        .collect();
    if roots.is_empty() {
        return Err(format!("ca_file {file}: holds no certificate in PEM form"));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Answers one request with `response` and tells the URL root.
    fn server(response: &'static str) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let len = stream.read(&mut request).unwrap();
            stream.write_all(response.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..len]).into_owned()
        });
        (root, thread)
    }

    fn fetch(root: String) -> (RestResponse, Option<String>) {
        let (_service, jobs) = Service::start(None, 1).unwrap();
        let (reply, answers) = crossbeam_channel::unbounded();
        let request = RestRequest {
            id: tickbook_venues::RequestId(7),
            path: "/api/v3/depth?symbol=BTCUSDT&limit=5".to_owned(),
            weight: 5,
            purpose: RestPurpose::Snapshot,
        };
        let venue = Venue::BinanceSpot;
        jobs.send(Job::Fetch { venue, root, request, asked: true, reply }).unwrap();
        match answers.recv().unwrap() {
            Answer::Rest(response, why) => (response, why),
            _ => panic!("not what was asked"),
        }
    }

    #[test]
    fn a_snapshot_is_fetched_and_parsed() {
        let (root, server) = server(
            "HTTP/1.1 200 OK\r\nContent-Length: 58\r\n\r\n\
             {\"lastUpdateId\":7,\"bids\":[[\"1.0\",\"2\"]],\"asks\":[[\"3\",\"4\"]]}",
        );
        let (response, why) = fetch(root);
        assert!(
            matches!(
                response.result,
                Ok(tickbook_venues::RestBody::Snapshot(ref it)) if it.symbol == "BTCUSDT"
            ),
            "{response:?} {why:?}"
        );
        assert!(server.join().unwrap().starts_with("GET /api/v3/depth?symbol=BTCUSDT&limit=5 "));
    }

    #[test]
    fn a_token_is_asked_for_by_post() {
        let (root, server) = server(
            "HTTP/1.1 200 OK\r\nContent-Length: 113\r\n\r\n\
             {\"code\":\"200000\",\"data\":{\"token\":\"abc\",\"instanceServers\":\
             [{\"endpoint\":\"wss://a.example/e\",\"pingInterval\":9000}]}}",
        );
        let (_service, jobs) = Service::start(None, 1).unwrap();
        let (reply, answers) = crossbeam_channel::unbounded();
        let request = RestRequest {
            id: tickbook_venues::RequestId(7),
            path: "/api/v1/bullet-public".to_owned(),
            weight: 1,
            purpose: RestPurpose::ConnectionToken,
        };
        let venue = Venue::KuCoin;
        jobs.send(Job::Fetch { venue, root, request, asked: true, reply }).unwrap();
        let Answer::Rest(response, why) = answers.recv().unwrap() else { panic!("not asked") };
        let Ok(tickbook_venues::RestBody::Token(token)) = response.result else {
            panic!("{response:?} {why:?}")
        };
        assert_eq!((token.path.as_str(), token.ping_every_ns), ("/e?token=abc", 9_000_000_000));
        assert!(server.join().unwrap().starts_with("POST /api/v1/bullet-public "));
    }

    #[test]
    fn a_ban_keeps_its_waiting_time() {
        let (root, _server) =
            server("HTTP/1.1 418 Banned\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n");
        let (response, why) = fetch(root);
        let expected = RestError::Status { code: 418, retry_after_s: Some(17) };
        assert_eq!(response.result.unwrap_err(), expected);
        assert!(why.unwrap().contains("418"));
    }

    #[test]
    fn a_redirect_is_not_followed() {
        let (root, _server) = server(
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        );
        let (response, _) = fetch(root);
        let expected = RestError::Status { code: 302, retry_after_s: None };
        assert_eq!(response.result.unwrap_err(), expected);
    }

    #[test]
    fn nobody_there_is_an_answer_too() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let (response, why) = fetch(root);
        assert_eq!(response.result.unwrap_err(), RestError::Transport);
        assert!(why.is_some());
    }

    #[test]
    fn names_are_found_while_every_fetch_hangs() {
        // It accepts (the kernel does), and never answers.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let (_service, jobs) = Service::start(None, 1).unwrap();
        let (reply, answers) = crossbeam_channel::unbounded();
        let request = RestRequest {
            id: tickbook_venues::RequestId(1),
            path: "/".to_owned(),
            weight: 1,
            purpose: RestPurpose::Snapshot,
        };
        let root = format!("http://{}", silent.local_addr().unwrap());
        let fetch = Job::Fetch {
            venue: Venue::BinanceSpot,
            root,
            request,
            asked: true,
            reply: reply.clone(),
        };
        jobs.send(fetch).unwrap();
        let url = Url::parse("ws://127.0.0.1:7").unwrap();
        jobs.send(Job::Resolve { conn: ConnId(3), url, reply }).unwrap();
        let first = answers.recv_timeout(limits::REST_TIMEOUT * 2).unwrap();
        assert!(
            matches!(first, Answer::Resolved { conn: ConnId(3), addr: Ok(addr), .. }
                if addr.port() == 7),
            "{first:?}"
        );
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let error = Service::start(Some(Path::new("/dev/null")), 1).unwrap_err();
        assert!(error.contains("/dev/null") && error.contains("no certificate"), "{error}");
    }
}
