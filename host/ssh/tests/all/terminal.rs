//! Sessions that a person sits at.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use skywright_ssh::{Client, Connection, Error, ExitStatus, Settings, Terminal};
use tokio::time::timeout;

use crate::rig::{Machine, Rig};

/// Nothing takes so long: whoever waits in vain at the keyboard is let go then.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal, and whoever sits at it.
struct Person {
    master: File,
    terminal: Terminal,
    path: String,
}

impl Person {
    fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 33, ws_col: 99, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        Self { master: master.into(), terminal: Terminal::open_device(&path).unwrap(), path }
    }

    /// Types, and reads until something is there.
    fn type_and_wait(master: &mut File, keys: &str, until: &str) -> String {
        master.write_all(keys.as_bytes()).unwrap();
        let mut seen = String::new();
        while !seen.contains(until) {
            let mut piece = [0; 4096];
            let count = master.read(&mut piece).unwrap();
            seen.push_str(&String::from_utf8_lossy(&piece[..count]));
        }
        seen
    }

    /// Whether the terminal is for lines, as it is between programs.
    fn is_sane(&self) -> bool {
        let device = File::open(&self.path).unwrap();
        tcgetattr(&device).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

async fn connection(rig: &Rig) -> Connection {
    Client::new(Settings::default()).connect(&rig.target()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_sizes_and_status_go_through() {
    let Some(rig) = Rig::start() else { return };
    let connection = connection(&rig).await;
    let person = Person::new();
    let mut master = person.master.try_clone().unwrap();
    let sitting = tokio::task::spawn_blocking(move || {
        // The answer differs from what is echoed.
        Person::type_and_wait(&mut master, "echo $TERM-$((6 * 7)); stty size\r", "xterm-42\r\n33 99");
        tcsetwinsize(&master, Winsize { ws_row: 44, ws_col: 111, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        // The test is not this terminal's foreground, so that nobody else says so.
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::WINCH).unwrap();
        let line = "until [ \"$(stty size)\" = '44 111' ]; do sleep 0.05; done; echo $((7 * 7))\r";
        Person::type_and_wait(&mut master, line, "49\r\n");
        Person::type_and_wait(&mut master, "sleep 4716\r", "sleep");
        std::thread::sleep(Duration::from_millis(500));
        Person::type_and_wait(&mut master, "\u{3}echo $((8 * 8))\r", "64\r\n");
        master.write_all(b"exit 5\r").unwrap();
        // Otherwise the screen is full at some time.
        let _ = master.read(&mut [0; 4096]);
    });
    let session = connection.interactive(Some("exec sh"), "xterm", &person.terminal);
    let status = timeout(PATIENCE, session).await.unwrap().unwrap();
    assert_eq!(status, ExitStatus::Code(5));
    sitting.await.unwrap();
    assert!(person.is_sane());
    let left = rig.command_lines(Machine::Inner);
    assert!(!left.iter().any(|line| line.contains("4716")), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_is_as_before_however_it_ends() {
    let Some(mut rig) = Rig::start() else { return };
    let connection = connection(&rig).await;
    let person = Person::new();
    let begun = |person: &Person| {
        let mut master = person.master.try_clone().unwrap();
        tokio::task::spawn_blocking(move || Person::type_and_wait(&mut master, "echo $((6 * 7))\r", "42\r\n"))
    };

    // Dropped.
    {
        let session = connection.interactive(Some("exec sh"), "xterm", &person.terminal);
        let mut session = std::pin::pin!(session);
        tokio::select! {
            status = &mut session => panic!("{status:?}"),
            done = timeout(PATIENCE, begun(&person)) => { done.unwrap().unwrap(); }
        }
        assert!(!person.is_sane());
    }
    assert!(person.is_sane());

    // Hung up by the person.
    let typing = begun(&person);
    let mut master = person.master.try_clone().unwrap();
    let hanging_up = async {
        typing.await.unwrap();
        tokio::task::spawn_blocking(move || master.write_all(b"\r~.").unwrap()).await.unwrap();
    };
    let session = connection.interactive(Some("exec sh"), "xterm", &person.terminal);
    let (ended, ()) = timeout(PATIENCE, async { tokio::join!(session, hanging_up) }).await.unwrap();
    assert!(matches!(ended, Err(Error::Interrupted)));
    assert!(person.is_sane());

    // Lost.
    let typing = begun(&person);
    let losing = async {
        typing.await.unwrap();
        rig.kill(Machine::First);
    };
    let session = connection.interactive(Some("exec sh"), "xterm", &person.terminal);
    let (ended, ()) = timeout(PATIENCE, async { tokio::join!(session, losing) }).await.unwrap();
    assert!(matches!(ended, Err(Error::Lost { .. })));
    assert!(person.is_sane());

    assert!(matches!(Terminal::open_device("/dev/null"), Err(Error::Terminal(_))));
}
