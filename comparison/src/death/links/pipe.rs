use super::{LENGTH, Message, Receives, Sends, Ticket, end_of_file, torn::Begins};
use serde::{Deserialize, Serialize};
use std::{
    io::{PipeReader, PipeWriter, Read, Write, pipe, stdin, stdout},
    process::Stdio,
};

#[derive(Serialize, Deserialize)]
pub(super) struct Writer {
    /// It travels as the standard output.
    #[serde(skip)]
    end: Option<PipeWriter>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Reader {
    /// It travels as the standard input.
    #[serde(skip)]
    end: Option<PipeReader>,
}

pub(super) fn new() -> anyhow::Result<(Writer, Reader)> {
    let (reader, writer) = pipe()?;
    Ok((Writer { end: Some(writer) }, Reader { end: Some(reader) }))
}

/// Two writers.
pub(super) fn two() -> anyhow::Result<(Writer, Writer, Reader)> {
    let (writer, reader) = new()?;
    let other = writer.end.as_ref().map(PipeWriter::try_clone).transpose()?;
    Ok((Writer { end: other }, writer, reader))
}

pub(super) struct Output;

impl Ticket for Writer {
    type End = Output;

    fn open(self) -> anyhow::Result<Output> {
        Ok(Output)
    }

    fn stdio(&mut self) -> Option<Stdio> {
        self.end.take().map(Stdio::from)
    }
}

impl Sends for Output {
    fn send(&mut self, message: &Message) -> anyhow::Result<()> {
        let mut output = stdout().lock();
        output.write_all(message)?;
        Ok(output.flush()?)
    }
}

impl Begins for Output {
    fn begin(&mut self) -> anyhow::Result<()> {
        let mut output = stdout().lock();
        output.write_all(&[0; LENGTH / 2])?;
        Ok(output.flush()?)
    }
}

pub(super) struct Input;

impl Ticket for Reader {
    type End = Input;

    fn open(self) -> anyhow::Result<Input> {
        Ok(Input)
    }

    fn stdio(&mut self) -> Option<Stdio> {
        self.end.take().map(Stdio::from)
    }
}

impl Receives for Input {
    fn receive(&mut self) -> anyhow::Result<Message> {
        let mut message = [0; LENGTH];
        stdin().lock().read_exact(&mut message).map_err(end_of_file)?;
        Ok(message)
    }
}
