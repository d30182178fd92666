//! A remote process, as far as a channel reaches it.

use std::sync::Arc;
use std::time::Duration;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::command::as_root;
use crate::hop::Hop;
use crate::link::{Link, Session};
use crate::marker::MarkerFilter;
use crate::quote::quote;

/// How long the machine has to end a process.
const ENDING: Duration = Duration::from_secs(10);

/// A remote process, which is ended when this is dropped before it has ended by itself.
pub(crate) struct Process {
    write: Arc<ChannelWriteHalf<Msg>>,
    link: Arc<Link>,
    /// Given back when the channel is closed.
    permit: Option<OwnedSemaphorePermit>,
    /// Nothing to read any more once it is being ended.
    pub(crate) read: Option<ChannelReadHalf>,
    /// Tells the process's id.
    pub(crate) marker: MarkerFilter,
    /// Whether it takes root to end it.
    pub(crate) is_root: bool,
    ended: bool,
}

impl Process {
    pub(crate) fn new(session: Session) -> Self {
        let (read, write) = session.channel.split();
        Self {
            write: Arc::new(write),
            link: session.link,
            permit: Some(session.permit),
            read: Some(read),
            marker: MarkerFilter::default(),
            is_root: false,
            ended: false,
        }
    }

    /// What comes next; `None` if nothing will.
    pub(crate) async fn next(&mut self) -> Option<ChannelMsg> {
        self.read.as_mut()?.wait().await
    }

    pub(crate) fn write(&self) -> Arc<ChannelWriteHalf<Msg>> {
        Arc::clone(&self.write)
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    pub(crate) fn hop(&self) -> Hop {
        self.link.hop().clone()
    }

    /// The channel was closed by the server.
    pub(crate) fn set_ended(&mut self) {
        self.ended = true;
    }

    /// The output that is left when it was closed.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        self.marker.rest()
    }

    /// Closes the channel: a process that sits at a terminal gets SIGHUP.
    pub(crate) async fn hang_up(&mut self) {
        self.ended = true;
        let _ = self.write.close().await;
    }

    /// Closes the channel in the background: a process that reads its input ends by itself.
    pub(crate) fn close(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        self.ended = true;
        let (write, permit) = (Arc::clone(&self.write), self.permit.take());
        runtime.spawn(async move {
            let _ = write.close().await;
            drop(permit);
        });
    }

    /// Ends it in the background; [`Client::settle`](crate::Client::settle) waits for that.
    pub(crate) fn end(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        if self.ended || self.link.is_lost() {
            return;
        }
        self.ended = true;
        let (write, link, permit) = (Arc::clone(&self.write), Arc::clone(&self.link), self.permit.take());
        let (read, marker, is_root) = (self.read.take(), std::mem::take(&mut self.marker), self.is_root);
        let pending = self.link.endings().begin();
        runtime.spawn(async move {
            let ending = async {
                match identify(read, marker).await {
                    Some(id) => end_group(&link, id, is_root).await,
                    // Servers heed it for users other than root only.
                    None => drop(write.signal(Sig::TERM).await),
                }
                let _ = write.close().await;
            };
            let _ = timeout(ENDING, ending).await;
            drop((permit, pending));
        });
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// The process's id, which may not have come yet.
async fn identify(read: Option<ChannelReadHalf>, mut marker: MarkerFilter) -> Option<u32> {
    let mut read = read?;
    while marker.process().is_none() {
        match read.wait().await {
            Some(ChannelMsg::ExtendedData { data, .. }) => drop(marker.push(&data)),
            Some(ChannelMsg::Close) | None => return None,
            Some(_) => (),
        }
    }
    marker.process()
}

/// Ends the process's group by SIGTERM and, if that does not help within three seconds, by SIGKILL.
async fn end_group(link: &Link, id: u32, is_root: bool) {
    let script = format!(
        "s=$(cat /proc/{id}/stat 2>/dev/null) || exit 0; s=${{s##*) }}; set -- $s; g=$3\n\
         kill -s TERM -- -$g 2>/dev/null; i=0\n\
         while [ $i -lt 30 ] && kill -s 0 -- -$g 2>/dev/null; do i=$((i+1)); sleep 0.1; done\n\
         kill -s KILL -- -$g 2>/dev/null"
    );
    let Ok(script) = quote(&script) else { return };
    let line = if is_root { as_root(&script) } else { format!("exec sh -c {script}") };
    let Ok(mut channel) = link.handle().channel_open_session().await else { return };
    if channel.exec(false, line).await.is_ok() {
        while !matches!(channel.wait().await, Some(ChannelMsg::Close) | None) {}
    }
}
