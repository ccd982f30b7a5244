//! From frames to conclusions: the rooms below, wired one after the other.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use wardline_assess::{Assessor, Changes};
use wardline_capture::link_type;
use wardline_flows::Pipeline;
use wardline_model::{
    CaptureId, DigestAlgorithms, Indicator, Label, Observation, Policy, PseudonymKey, Site, Timestamp,
    WarningList,
};

/// What a run is made with.
pub(crate) struct Making {
    pub site: Site,
    pub key: PseudonymKey,
    pub workers: u16,
    pub indicators: Vec<Indicator>,
    pub warning_lists: Vec<WarningList>,
    pub policy: Option<Policy>,
}

/// One run over traffic.
pub(crate) struct Engine {
    pipeline: Pipeline,
    assessor: Assessor,
    observations: Vec<Observation>,
    making: Making,
    span: Span,
    unreadable: BTreeSet<(u32, u16)>,
}

/// From when to when the frames are, and how many.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub packets: u64,
    pub bytes: u64,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
}

impl Engine {
    pub(crate) fn new(making: Making) -> Self {
        let assessor = Assessor::new(assess_settings(&making));
        Self {
            pipeline: pipeline(&making),
            assessor,
            observations: Vec::new(),
            making,
            span: Span::default(),
            unreadable: BTreeSet::new(),
        }
    }

    /// Gives a capture the name that evidence will carry.
    pub(crate) fn name_capture(&mut self, capture: u32, name: &str) {
        self.assessor.name_capture(CaptureId(capture), Label::new(name));
    }

    /// Learns what is normal from a frame of a baseline; call [`Self::end_baseline`] after the last.
    pub(crate) fn learn(&mut self, frame: wardline_capture::Frame<'_>) {
        self.pipeline.push(flows_frame(frame), &mut self.observations);
        for observation in self.observations.drain(..) {
            self.assessor.learn(&observation);
        }
    }

    /// Ends the baseline: conversations of before and of now are not mixed up.
    pub(crate) fn end_baseline(&mut self) {
        let fresh = pipeline(&self.making);
        let mut ended = std::mem::replace(&mut self.pipeline, fresh);
        ended.finish(&mut self.observations);
        for observation in self.observations.drain(..) {
            self.assessor.learn(&observation);
        }
    }

    /// Reads a frame.
    pub(crate) fn read(&mut self, frame: wardline_capture::Frame<'_>) {
        self.count(frame);
        self.pipeline.push(flows_frame(frame), &mut self.observations);
        self.assess();
    }

    /// Tells that time passed without a frame, as a live capture does.
    pub(crate) fn idle_until(&mut self, now: Timestamp) {
        self.pipeline.flush(&mut self.observations);
        self.assess();
        self.assessor.advance(now);
    }

    /// What changed since it was last asked. What workers still hold comes first: how often a finding was told before it
    /// grew is part of it, and may not depend on how many they are.
    pub(crate) fn drain(&mut self) -> Changes {
        self.pipeline.flush(&mut self.observations);
        self.assess();
        self.assessor.drain()
    }

    /// Ends the run: what is still open is told, in parts.
    pub(crate) fn finish(&mut self, mut hand_on: impl FnMut(Changes) -> Result<()>) -> Result<()> {
        let Self { pipeline, assessor, observations, .. } = self;
        let mut handed = Ok(());
        pipeline.finish_in_parts(observations, |observations| {
            observations.drain(..).for_each(|observation| assessor.observe(&observation));
            if handed.is_ok() {
                handed = hand_on(assessor.drain());
            }
        });
        handed?;
        hand_on(assessor.finish(self.span.end.unwrap_or_default()))
    }

    pub(crate) const fn assessor(&self) -> &Assessor {
        &self.assessor
    }

    pub(crate) const fn span(&self) -> Span {
        self.span
    }

    /// Packets that could not be decoded, by reason, and what was refused because a limit was reached, by limit.
    pub(crate) fn refusals(&self) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
        let counters = self.pipeline.counters();
        let mut over_limit = counters.over_limit();
        over_limit.extend(self.assessor.over_limit());
        (counters.undecoded(), over_limit)
    }

    /// Captures with frames of a link type that nobody here can read: which capture, and what it is called.
    pub(crate) fn unreadable(&self) -> impl Iterator<Item = (u32, String)> {
        self.unreadable.iter().map(|(capture, number)| {
            let name = link_type::name(*number)
                .map_or_else(|| format!("{number}"), |name| format!("{number} ({name})"));
            (*capture, name)
        })
    }

    fn count(&mut self, frame: wardline_capture::Frame<'_>) {
        let time = Timestamp::from_nanoseconds(frame.time_ns);
        self.span.packets += 1;
        self.span.bytes += u64::from(frame.original_length);
        self.span.start = Some(self.span.start.map_or(time, |start| start.min(time)));
        self.span.end = Some(self.span.end.map_or(time, |end| end.max(time)));
        if !wardline_flows::reads_link_type(frame.link_type) {
            self.unreadable.insert((frame.file, frame.link_type));
        }
    }

    fn assess(&mut self) {
        for observation in &self.observations {
            self.assessor.observe(observation);
        }
        self.observations.clear();
    }
}

pub(crate) fn flows_frame(frame: wardline_capture::Frame<'_>) -> wardline_flows::Frame<'_> {
    wardline_flows::Frame {
        capture: CaptureId(frame.file),
        number: frame.number,
        time: Timestamp::from_nanoseconds(frame.time_ns),
        link_type: frame.link_type,
        bytes: frame.captured,
        original_length: frame.original_length,
    }
}

pub(crate) fn pipeline(making: &Making) -> Pipeline {
    Pipeline::new(wardline_flows::Settings {
        workers: making.workers,
        digests: DigestAlgorithms::of(making.indicators.iter().map(|indicator| &indicator.pattern)),
        ..wardline_flows::Settings::new(making.key.clone())
    })
}

pub(crate) fn assess_settings(making: &Making) -> wardline_assess::Settings {
    wardline_assess::Settings {
        site: making.site.clone(),
        default_credentials: wardline_assess::default_credentials(&making.key),
        indicators: making.indicators.clone(),
        warning_lists: making.warning_lists.clone(),
        policy: making.policy.clone(),
    }
}
