//! Operator: how a command gets its work done, whether a server runs on the data folder or not.
//!
//! The file lock decides. Who gets it opens the folder and answers its own questions; who does not
//! asks the process that has it, over the Unix socket. The questions are the same.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http_body_util::{BodyExt, BodyStream, Full};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::configuration::Configuration;
use crate::data_directory::{DataDirectory, DataDirectoryError, Lock};
use crate::failure::Failure;
use crate::rooms::Rooms;

/// How long a command waits for a server that has the lock but does not listen yet.
const PATIENCE: Duration = Duration::from_secs(20);

/// Someone who answers a command.
pub(crate) enum Operator {
    /// The server that runs on the folder.
    Server(PathBuf),
    /// This process itself.
    Ourselves(Box<Ourselves>),
}

/// The folder opened by this process.
pub(crate) struct Ourselves {
    rooms: Rooms,
    _lock: Lock,
}

impl Operator {
    /// Takes the lock and opens the folder, or finds the server that has it.
    pub(crate) async fn reach(configuration: &Configuration) -> Result<Self, Failure> {
        let directory = DataDirectory::open(&configuration.data_dir)?;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match directory.lock() {
                Ok(lock) => {
                    let rooms = Rooms::open(configuration, &directory, &lock).await?;
                    return Ok(Self::Ourselves(Box::new(Ourselves { rooms, _lock: lock })));
                }
                Err(held @ DataDirectoryError::Held { .. }) => {
                    if connect(&directory.socket()).await.is_ok() {
                        return Ok(Self::Server(directory.socket()));
                    }
                    if tokio::time::Instant::now() > deadline {
                        return Err(held.into());
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(other) => return Err(other.into()),
            }
        }
    }

    /// Asks a question and returns the answer's JSON.
    pub(crate) async fn ask(&self, path: &str, question: &Value) -> Result<Value, Failure> {
        let response = self.send(path, question).await?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(Failure::connection)?
            .to_bytes();
        let answer: Value = serde_json::from_slice(&body).map_err(Failure::connection)?;
        if status.is_success() {
            Ok(answer)
        } else {
            Err(Failure::refused(status, &answer))
        }
    }

    /// Asks a question whose answer is one JSON value a line, and hands each one over as it comes.
    pub(crate) async fn ask_for_lines(
        &self,
        path: &str,
        question: &Value,
        mut each: impl FnMut(Value) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let response = self.send(path, question).await?;
        let status = response.status();
        if !status.is_success() {
            let body = response
                .into_body()
                .collect()
                .await
                .map_err(Failure::connection)?
                .to_bytes();
            let answer = serde_json::from_slice(&body).map_err(Failure::connection)?;
            return Err(Failure::refused(status, &answer));
        }
        let mut body = BodyStream::new(response.into_body());
        let mut pending = BytesMut::new();
        while let Some(frame) = body.next().await {
            let Ok(data) = frame.map_err(Failure::connection)?.into_data() else {
                continue;
            };
            pending.extend_from_slice(&data);
            while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                let line = pending.split_to(end + 1);
                let value: Value = serde_json::from_slice(&line).map_err(Failure::connection)?;
                if let Some(problem) = value.get("problem") {
                    return Err(Failure::refused(StatusCode::INTERNAL_SERVER_ERROR, problem));
                }
                each(value)?;
            }
        }
        Ok(())
    }

    async fn send(&self, path: &str, question: &Value) -> Result<Response<Body>, Failure> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(hyper::header::HOST, "groma")
            .header(hyper::header::CONTENT_TYPE, "application/json");
        let request = request
            .body(Full::new(Bytes::from(question.to_string())))
            .expect("a path of ours makes a request");
        match self {
            Self::Ourselves(ourselves) => {
                Ok(server::operator::answer(ourselves.rooms.groma(), request.map(Body::new)).await)
            }
            Self::Server(socket) => {
                let stream = connect(socket).await.map_err(Failure::connection)?;
                let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
                    .await
                    .map_err(Failure::connection)?;
                tokio::spawn(connection);
                let response = sender.send_request(request).await.map_err(Failure::connection)?;
                Ok(response.map(Body::new))
            }
        }
    }

    /// Lets go of the folder.
    pub(crate) async fn close(self) {
        match self {
            Self::Server(_) => {}
            Self::Ourselves(ourselves) => ourselves.rooms.close().await,
        }
    }
}

async fn connect(socket: &Path) -> std::io::Result<UnixStream> {
    UnixStream::connect(crate::socket::short_path(socket)?.path()).await
}
