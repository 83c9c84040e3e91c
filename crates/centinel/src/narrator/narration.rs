//! The narrator that a process keeps: one budget and one learnt mode over all of its texts, an endpoint that
//! is left alone while it fails, and calls that are booked whoever stops waiting for them.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use centinel_agent::{Circuit, Fault, Gates, Label, Narrator, Pause, Run, Task, Worded};
use centinel_app::{App, Candidate, LeftAlone, Wording};
use centinel_engine::facts::Bundle;
use tokio::sync::{RwLock, watch};

use super::{book, booked, open};
use crate::context::{nonce, now, spawn};

/// The narrator of a process.
pub(crate) struct Narration {
    app: App,
    /// `None` until it could be opened, and again after its credential was refused.
    opened: tokio::sync::Mutex<Option<Arc<Narrator>>>,
    circuit: Mutex<Circuit>,
    /// Set once: nothing more is asked, and what is under way is given up and booked.
    stopping: watch::Sender<bool>,
    /// Held for reading by everything that is under way.
    under_way: Arc<RwLock<()>>,
    /// The last reason why something was not booked.
    unbooked: Mutex<Option<String>>,
}

impl Narration {
    /// The narrator of a home, opened when it is first asked; `None` without `[narrator]`.
    pub(crate) fn of(app: &App) -> Option<Self> {
        app.config().narrator.as_ref()?;
        Some(Self {
            app: app.clone(),
            opened: tokio::sync::Mutex::default(),
            circuit: Mutex::default(),
            stopping: watch::Sender::new(false),
            under_way: Arc::default(),
            unbooked: Mutex::default(),
        })
    }

    /// Words a bundle and books what that used; every failure ends in the standard wording, with its
    /// reason. Whoever stops waiting stops nothing: the text is finished within its time, and booked.
    pub(crate) async fn word(&self, task: Task, bundle: &Bundle, standard: &str) -> Worded {
        self.asked(task, bundle, standard)
            .await
            .unwrap_or_else(|error| unworded(standard, format!("{error:#}")))
    }

    async fn asked(&self, task: Task, bundle: &Bundle, standard: &str) -> anyhow::Result<Worded> {
        anyhow::ensure!(!*self.stopping.borrow(), "it was interrupted");
        if let Some(Pause { until, reason, .. }) = self.pause() {
            let until = until.strftime("%H:%M:%S");
            anyhow::bail!("the endpoint is left alone until {until} UTC, after: {reason}");
        }
        let narrator = self.narrator().await?;
        let now_is = now();
        narrator.budget().catch_up(now_is, booked(&self.app, now_is).await?);
        let run = narrator.begin_run(nonce()?);
        let under_way = Arc::clone(&self.under_way).read_owned().await;
        let stopping = self.stopping.subscribe();
        let (app, own) = (self.app.clone(), Arc::clone(&narrator));
        let (bundle, standard) = (bundle.clone(), standard.to_owned());
        let asked = spawn(async move {
            let worded = until_stopped(&own, task, &bundle, &standard, &run, stopping).await;
            let unbooked = book(&app, &worded.calls).await.err();
            drop(under_way);
            (worded, unbooked)
        });
        let (worded, unbooked) = asked.await?;
        if let Some(error) = unbooked {
            tracing::error!(error = format!("{error:#}"), "calls of the narrator are not booked");
            let told = format!("what it used is not booked: {error:#}");
            *lock(&self.unbooked) = Some(told);
        }
        if !*self.stopping.borrow() {
            self.learn(&narrator, &worded).await;
        }
        Ok(worded)
    }

    /// The pause that this moment lies in.
    pub(crate) fn pause(&self) -> Option<Pause> {
        lock(&self.circuit).paused(now()).cloned()
    }

    /// Why something that was used is not booked, where that happened since this was asked last.
    pub(crate) fn unbooked(&self) -> Option<String> {
        lock(&self.unbooked).take()
    }

    /// Gives up what is under way and waits until it is booked; nothing is asked from then on.
    pub(crate) async fn finish(&self) {
        self.stopping.send_replace(true);
        let _all = self.under_way.write().await;
    }

    /// The narrator, opened if it is not: what could not be opened is tried again with the next text.
    async fn narrator(&self) -> anyhow::Result<Arc<Narrator>> {
        let mut opened = self.opened.lock().await;
        if let Some(narrator) = &*opened {
            return Ok(Arc::clone(narrator));
        }
        let narrator = open(&self.app).await?;
        let narrator = Arc::new(narrator.ok_or_else(|| anyhow::anyhow!("none is configured"))?);
        *opened = Some(Arc::clone(&narrator));
        Ok(narrator)
    }

    /// Takes in how a text ended: whether the endpoint is left alone from now on, which `doctor` tells.
    async fn learn(&self, narrator: &Narrator, worded: &Worded) {
        let fault = match worded.label {
            Label::ByModel { .. } => None,
            Label::Standard { .. } => worded.fault.as_ref(),
        };
        if matches!(fault, Some(Fault::Unauthorized { .. })) {
            // The key may be another one by now: it is read again.
            *self.opened.lock().await = None;
        }
        let began = {
            let mut circuit = lock(&self.circuit);
            circuit.ended(fault, now()).cloned()
        };
        let endpoint = narrator.chat().endpoint();
        let mut memory = self.app.narrator_memory(&endpoint.to_string(), endpoint.model());
        let known = memory.clone();
        match began {
            Some(Pause { until, faults, reason }) => {
                memory.left_alone = Some(LeftAlone { until, faults, reason });
            }
            None if fault.is_none() => memory.left_alone = None,
            None => {}
        }
        match (&known.left_alone, &memory.left_alone) {
            (None, Some(LeftAlone { until, reason, .. })) => {
                tracing::warn!(%until, reason, "the narrator's endpoint is left alone");
            }
            (Some(_), None) => tracing::info!("the narrator's endpoint answers again"),
            _ => {}
        }
        if memory != known
            && let Err(error) = self.app.remember_narrator(&memory)
        {
            tracing::warn!(%error, "how the narrator's endpoint stands is not remembered");
        }
    }
}

impl Wording for Narration {
    fn word<'a>(
        &'a self,
        bundle: &'a Bundle,
        standard: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Candidate, String>> + Send + 'a>> {
        Box::pin(async move {
            let task = task_of(&bundle.question)
                .ok_or_else(|| format!("there is no prompt for `{}`", bundle.question))?;
            let Worded { text, label, prompt, model, .. } =
                Self::word(self, task, bundle, standard).await;
            let dropped = match label {
                Label::ByModel { dropped, .. } => dropped,
                Label::Standard { reason } => return Err(reason.unwrap_or_default()),
            };
            let prompt = prompt.map(|prompt| prompt.digest).unwrap_or_default();
            Ok(Candidate { text, dropped, model: model.unwrap_or_default(), prompt })
        })
    }
}

/// The prompt of a bundle, by the question that it answers.
fn task_of(question: &str) -> Option<Task> {
    Some(match question {
        "analysis" => Task::Analysis,
        "explain" => Task::Explain,
        "digest" => Task::Digest,
        "cfo" => Task::Cfo,
        "scorecard" => Task::Scorecard,
        _ => return None,
    })
}

/// A text, or the standard wording where the process is asked to stop before it is done.
async fn until_stopped(
    narrator: &Narrator,
    task: Task,
    bundle: &Bundle,
    standard: &str,
    run: &Run,
    mut stopping: watch::Receiver<bool>,
) -> Worded {
    let gates = Gates::new(bundle, standard);
    tokio::select! {
        worded = narrator.word(task, &gates, standard, run) => worded,
        // Also where nobody is left who could ask for it.
        _ = stopping.wait_for(|stopping| *stopping) => {
            Worded { calls: run.take_calls(), ..unworded(standard, "it was interrupted".to_owned()) }
        }
    }
}

fn unworded(standard: &str, reason: String) -> Worded {
    Worded { label: Label::Standard { reason: Some(reason) }, ..Worded::standard(standard) }
}

/// Does the work of a command. On Ctrl-C the work is given up, and what a narrator used is booked first.
///
/// # Errors
///
/// When it was interrupted.
pub(crate) async fn or_interrupted<T>(
    narration: Option<&Narration>,
    work: impl Future<Output = T>,
) -> anyhow::Result<T> {
    let Some(narration) = narration else { return Ok(work.await) };
    tokio::select! {
        done = work => Ok(done),
        _ = tokio::signal::ctrl_c() => {
            narration.finish().await;
            anyhow::bail!("interrupted")
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
