//! Streams put together: each response comes out once, in whatever pieces it comes in.

use std::borrow::Cow;

use super::{
    Rejected,
    extractor::{Extracted, Extractor, Rejection, salvaged_id},
    field::Label,
    found::Found,
    locate::locate,
    stream::{self, Events, Step},
};

/// Puts streams together: bodies go in as they come, whole ones and events of one response mixed, and
/// each response comes out once.
#[derive(Debug)]
pub struct Assembler {
    extractor: Extractor,
    open: Option<Found<'static>>,
    session_model: Option<String>,
}

impl Assembler {
    /// An assembler with nothing in it.
    pub fn new(extractor: Extractor) -> Self {
        Self { extractor, open: None, session_model: None }
    }

    /// What the extractor noted.
    pub fn extractor(&self) -> &Extractor {
        &self.extractor
    }

    /// Takes one body or event, and hands on what is complete with it.
    ///
    /// # Errors
    ///
    /// Whatever `emit` fails with.
    pub fn push<E>(
        &mut self,
        body: &str,
        emit: &mut dyn FnMut(Extracted<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if stream::is_events(body) {
            return self.push_events(body, emit);
        }
        let mut found = match locate(body) {
            Ok(found) => found,
            Err(reason) => {
                self.finish(emit)?;
                let reason = Rejected::NotJson(reason).to_string();
                return emit(Err(Rejection { id: salvaged_id(body), reason }));
            }
        };
        match stream::step(&found) {
            Step::Whole => {
                self.finish(emit)?;
                emit(self.extractor.finish(&mut found, Rejected::NoUsage))
            }
            step => self.push_part(found, step, emit),
        }
    }

    /// Takes one element of an array: as [`Assembler::push`], and elements that follow each other
    /// and name the same response are one.
    ///
    /// # Errors
    ///
    /// Whatever `emit` fails with.
    pub fn push_chunk<E>(
        &mut self,
        body: &str,
        emit: &mut dyn FnMut(Extracted<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match locate(body) {
            Ok(found)
                if found.text(Label::ResponseId).is_some()
                    && stream::step(&found) == Step::Whole =>
            {
                self.push_part(found, Step::Part, emit)
            }
            _ => self.push(body, emit),
        }
    }

    /// Takes a transcript of server-sent events.
    ///
    /// # Errors
    ///
    /// Whatever `emit` fails with.
    pub fn push_events<E>(
        &mut self,
        transcript: &str,
        emit: &mut dyn FnMut(Extracted<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for data in Events::new(transcript) {
            if data.trim() == "[DONE]" {
                self.finish(emit)?;
                continue;
            }
            // An event that is no JSON states no counts; that its stream has none shows at its end.
            let found = locate(&data).unwrap_or_else(|_| Found::new());
            let step = match stream::step(&found) {
                Step::Whole => Step::Part,
                step => step,
            };
            self.push_part(found, step, emit)?;
        }
        Ok(())
    }

    /// Ends what is open: call it after the last body.
    ///
    /// # Errors
    ///
    /// Whatever `emit` fails with.
    pub fn finish<E>(
        &mut self,
        emit: &mut dyn FnMut(Extracted<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.open.take() {
            Some(mut found) => {
                emit(self.extractor.finish(&mut found, Rejected::StreamWithoutUsage))
            }
            None => Ok(()),
        }
    }

    fn push_part<E>(
        &mut self,
        found: Found<'_>,
        step: Step,
        emit: &mut dyn FnMut(Extracted<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(model) = stream::session_model(&found) {
            self.session_model = Some(model);
            return Ok(());
        }
        if step == Step::First || self.open.as_ref().is_some_and(|open| is_another(open, &found)) {
            self.finish(emit)?;
        }
        let session_model = self.session_model.clone();
        let open = self.open.get_or_insert_with(|| {
            let mut open = Found::new();
            if let Some(model) = session_model {
                open.set_text(Label::Model, Cow::Owned(model));
            }
            open
        });
        open.update(&mut found.into_owned());
        if step == Step::Last { self.finish(emit) } else { Ok(()) }
    }
}

/// Whether an event belongs to another response than the one that is open.
fn is_another(open: &Found<'_>, event: &Found<'_>) -> bool {
    let differs = |left: Option<&str>, right: Option<&str>| matches!((left, right), (Some(left), Some(right)) if left != right);
    let id = |found: &Found<'_>| found.id.as_deref().map(|id| id.get().to_owned());
    let response =
        |found: &Found<'_>| found.text(Label::ResponseId).map(|id| id.as_ref().to_owned());
    differs(id(open).as_deref(), id(event).as_deref())
        || differs(response(open).as_deref(), response(event).as_deref())
}
