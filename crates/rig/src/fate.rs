//! What a server may do to a request other than serve it.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::BodyExt;
use hyper::{Request, Response, StatusCode, body::Bytes, body::Incoming, service::Service};
use s3s::{Body, HttpError, service::S3Service};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is served.
    Served,
    /// It is answered with 500, and nothing is done.
    Refused,
    /// It is answered with this status and code, as S3's errors are, and nothing is done.
    Denied(u16, &'static str),
    /// It is done, and answered with 500: who asks again does it twice.
    DoneAndRefused,
    /// It is served after a while.
    Late(Duration),
    /// A listing is answered as the same listing was answered last; anything else, and a first one, is served.
    Stale,
}

/// Decides for each request, by its method, and its path with what follows the question mark.
pub type Fates = Arc<dyn Fn(&str, &str) -> Fate + Send + Sync>;

/// The server, and what it answered to listings.
#[derive(Clone)]
pub(crate) struct Fickle {
    pub(crate) service: S3Service,
    pub(crate) fates: Option<Fates>,
    pub(crate) lists: Arc<Mutex<HashMap<String, Bytes>>>,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, HttpError>> + Send>>;

impl Service<Request<Incoming>> for Fickle {
    type Response = Response<Body>;
    type Error = HttpError;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Answer {
        let Some(fates) = &self.fates else {
            return Box::pin(Service::call(&self.service, request));
        };
        let asked = request.uri().to_string();
        let fate = fates(request.method().as_str(), &asked);
        let fickle = self.clone();
        Box::pin(async move {
            match fate {
                Fate::Refused | Fate::Denied(..) => {
                    // Who still sends when the answer comes may see a broken line, and not the answer.
                    let _ = request.into_body().collect().await;
                    return Ok(match fate {
                        Fate::Denied(status, code) => denied(status, code),
                        _ => refused(),
                    });
                }
                Fate::Late(by) => tokio::time::sleep(by).await,
                Fate::Stale => {
                    if let Some(before) = fickle.answered(&asked) {
                        return Ok(Response::new(Body::from(before)));
                    }
                }
                Fate::Served | Fate::DoneAndRefused => {}
            }
            let answer = Service::call(&fickle.service, request).await?;
            if fate == Fate::DoneAndRefused {
                // What a request does is done when its answer is whole.
                let _ = answer.into_body().collect().await;
                return Ok(refused());
            }
            if !asked.contains("list-type=") {
                return Ok(answer);
            }
            let (head, body) = answer.into_parts();
            let Ok(body) = body.collect().await else {
                return Ok(refused());
            };
            let bytes = body.to_bytes();
            let mut lists = fickle.lists.lock().unwrap_or_else(PoisonError::into_inner);
            lists.insert(asked, bytes.clone());
            Ok(Response::from_parts(head, Body::from(bytes)))
        })
    }
}

impl Fickle {
    fn answered(&self, asked: &str) -> Option<Bytes> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.get(asked).cloned()
    }
}

/// As MinIO and Ceph put it.
fn denied(status: u16, code: &str) -> Response<Body> {
    let text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{code}</Message><Resource>/</Resource></Error>"#
    );
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

fn refused() -> Response<Body> {
    let mut answer = Response::new(Body::from("the server has a fault".to_owned()));
    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    answer
}
