//! A plain file server, for laboratories and tests: whatever serves a repository is not trusted.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::TcpListener;

use super::args::Serve;
use crate::error::Error;
use crate::output::Printer;

pub(super) async fn run(args: &Serve, printer: &Printer) -> Result<(), Error> {
    let listener = TcpListener::bind(args.listen).await.map_err(Error::Start)?;
    let address = listener.local_addr().map_err(Error::Start)?;
    let url = format!("http://{address}");
    printer.result(&json!({ "url": url }), || format!("serving {} at {url}", args.folder.display()))?;
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            _ = &mut stop => return Ok(()),
            accepted = listener.accept() => {
                // A connection that fails is its client's trouble.
                let Ok((stream, _)) = accepted else { continue };
                tokio::spawn(connection(TokioIo::new(stream), args.folder.clone()));
            }
        }
    }
}

async fn connection(io: TokioIo<tokio::net::TcpStream>, folder: PathBuf) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = answer(request.method(), request.uri().path(), &folder);
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(std::time::Duration::from_secs(30));
    if let Err(error) = server.serve_connection(io, service).await {
        tracing::debug!(%error, "connection");
    }
}

fn answer(method: &Method, path: &str, folder: &Path) -> Response<Full<Bytes>> {
    let status = |status: StatusCode| {
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        response
    };
    if !matches!(*method, Method::GET | Method::HEAD) {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    let Some(file) = file_of(path, folder) else { return status(StatusCode::NOT_FOUND) };
    match std::fs::read(&file) {
        Ok(bytes) => {
            let mut response = Response::new(Full::new(Bytes::from(bytes)));
            let kind = match file.extension().and_then(|extension| extension.to_str()) {
                Some("json") => "application/json",
                Some("wasm") => "application/wasm",
                _ => "application/octet-stream",
            };
            response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
            response
        }
        Err(_) => status(StatusCode::NOT_FOUND),
    }
}

/// The file of a path, if it is one that a repository has: below `metadata` or `targets`, of plain names alone.
fn file_of(path: &str, folder: &Path) -> Option<PathBuf> {
    let segments: Vec<_> = path.strip_prefix('/')?.split('/').collect();
    let is_plain = |segment: &&str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_'))
    };
    let is_known = matches!(segments.first(), Some(&"metadata" | &"targets")) && segments.len() >= 2;
    let file = folder.join(segments.join("/"));
    (is_known && segments.iter().all(is_plain) && file.is_file()).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_a_repository_are_served() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        };
        ["metadata/1.root.json", "targets/plugins/a/b.wasm", "keys/root", "metadata/.new-1"]
            .iter()
            .for_each(|name| put(name));
        let code = |method: Method, path: &str| answer(&method, path, folder.path()).status().as_u16();
        assert_eq!(code(Method::GET, "/metadata/1.root.json"), 200);
        assert_eq!(code(Method::HEAD, "/targets/plugins/a/b.wasm"), 200);
        assert_eq!(code(Method::POST, "/metadata/1.root.json"), 405);
        for path in [
            "/",
            "/metadata",
            "/metadata/",
            "/keys/root",
            "/metadata/.new-1",
            "/metadata/../keys/root",
            "/metadata/%2e%2e/keys/root",
            "/metadata//1.root.json",
            "//metadata/1.root.json",
            "metadata/1.root.json",
        ] {
            assert_eq!(code(Method::GET, path), 404, "{path}");
        }
    }
}
