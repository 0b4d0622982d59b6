//! `top`: all segments, live.

mod holding;
mod picture;
mod rates;
mod screen;

use crate::{
    arguments::TopOptions,
    outcome::{Ended, Outcome},
};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use picture::Picture;
use rates::Memory;
use signal_hook::{
    consts::{SIGINT, SIGQUIT, SIGTERM},
    flag,
    iterator::Signals,
    low_level::emulate_default_handler,
};
use std::{
    io::{IsTerminal, stdin, stdout},
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

pub(crate) fn run(options: TopOptions) -> Ended {
    if !stdin().is_terminal() || !stdout().is_terminal() {
        return Err("top needs a terminal; ls and inspect have --json for programs".into());
    }
    restore_at_signals()?;
    let mut terminal = ratatui::try_init()?;
    let ended = watch(&mut terminal, Duration::from_millis(options.interval));
    ratatui::try_restore()?;
    ended
}

/// Gives the terminal back before a signal ends the process. The second one ends it at once: a terminal that takes no output holds up the first.
fn restore_at_signals() -> std::io::Result<()> {
    const SIGNALS: [i32; 3] = [SIGTERM, SIGINT, SIGQUIT];
    let is_second = Arc::new(AtomicBool::new(false));
    for signal in SIGNALS {
        flag::register_conditional_default(signal, Arc::clone(&is_second))?;
        flag::register(signal, Arc::clone(&is_second))?;
    }
    let mut signals = Signals::new(SIGNALS)?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            ratatui::restore();
            let _ = emulate_default_handler(signal);
        }
    });
    Ok(())
}

/// What somebody wants.
enum Wish {
    End,
    Pause,
    Draw,
    Nothing,
}

fn watch(terminal: &mut ratatui::DefaultTerminal, interval: Duration) -> Ended {
    let mut memory = Memory::default();
    let mut picture = Picture::take(&mut memory)?;
    let mut is_paused = false;
    let mut next = Instant::now() + interval;
    loop {
        terminal.draw(|frame| screen::draw(frame, &picture, is_paused))?;
        loop {
            let rest = next.saturating_duration_since(Instant::now());
            let rest = if is_paused { interval } else { rest };
            let wish = if event::poll(rest)? { wish(&event::read()?) } else { Wish::Nothing };
            match wish {
                Wish::End => return Ok(Outcome::Done),
                Wish::Pause => is_paused = !is_paused,
                Wish::Draw => {}
                Wish::Nothing if rest.is_zero() => {
                    picture = Picture::take(&mut memory)?;
                    // From its end: where looking takes longer than that, there is time for keys nevertheless.
                    next = Instant::now() + interval;
                }
                Wish::Nothing => continue,
            }
            break;
        }
    }
}

fn wish(event: &Event) -> Wish {
    let key = match event {
        Event::Resize(..) => return Wish::Draw,
        Event::Key(key) if key.kind != KeyEventKind::Release => key,
        _ => return Wish::Nothing,
    };
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Wish::End,
        KeyCode::Char('q') | KeyCode::Esc => Wish::End,
        KeyCode::Char(' ' | 'p') => Wish::Pause,
        _ => Wish::Nothing,
    }
}
