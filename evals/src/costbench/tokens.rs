//! Sizes of calls: quantiles of the Azure LLM inference trace 2023 (conversation and code), at
//! 0, 1/40, …, 1, and lognormal sizes for agents.
//!
//! Source: Azure/AzurePublicDataset, `data/AzureLLMInferenceTrace_{conv,code}.csv`, CC-BY 4.0.

use std::sync::LazyLock;

use crate::random::Random;

const CONVERSATION_IN: [f64; 41] = [
    2., 120., 181., 200., 207., 235., 372., 379., 387., 393., 396., 400., 403., 407., 414., 428.,
    703., 922., 984., 1005., 1020., 1033., 1045., 1058., 1071., 1083., 1097., 1112., 1130., 1153.,
    1189., 1276., 1315., 1434., 1876., 2309., 2734., 4075., 4083., 4092., 14050.,
];
const CONVERSATION_OUT: [f64; 41] = [
    7., 28., 41., 48., 54., 60., 67., 72., 77., 82., 85., 88., 91., 93., 96., 99., 103., 108.,
    113., 120., 129., 138., 151., 162., 177., 195., 217., 373., 384., 391., 395., 396., 400., 406.,
    411., 416., 424., 430., 451., 522., 1000.,
];
const CODE_IN: [f64; 41] = [
    3., 44., 75., 102., 147., 185., 232., 299., 385., 484., 578., 679., 770., 863., 938., 1015.,
    1075., 1153., 1261., 1370., 1469., 1585., 1690., 1798., 1909., 2048., 2163., 2305., 2433.,
    2578., 2744., 2942., 3192., 3537., 3920., 4434., 5187., 6097., 7303., 7435., 7437.,
];
const CODE_OUT: [f64; 41] = [
    6., 6., 6., 6., 7., 7., 7., 8., 8., 9., 9., 9., 9., 10., 10., 11., 11., 12., 12., 13., 13.,
    14., 14., 15., 16., 16., 18., 19., 20., 22., 24., 26., 29., 33., 39., 46., 55., 69., 90., 145.,
    1899.,
];

/// Days with at most this many calls are drawn call by call; more are a normal mean.
const DRAWN_CALLS_MAX: f64 = 400.0;

/// What calls are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// Chat.
    Conversation,
    /// Completion of code.
    Code,
    /// Agents that reason.
    Agent,
}

/// Mean and deviation of input and output tokens of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    /// Mean and deviation of input tokens.
    pub(crate) input: (f64, f64),
    /// Mean and deviation of output tokens.
    pub(crate) output: (f64, f64),
}

impl Workload {
    /// Input and output tokens of one call.
    fn call(self, random: &mut Random) -> (f64, f64) {
        match self {
            Self::Conversation => {
                (at(&CONVERSATION_IN, random.unit()), at(&CONVERSATION_OUT, random.unit()))
            }
            Self::Code => (at(&CODE_IN, random.unit()), at(&CODE_OUT, random.unit())),
            Self::Agent => (random.lognormal(8.3, 0.9), random.lognormal(6.5, 1.3)),
        }
    }

    /// Estimated from 400,000 calls of a fixed stream, once.
    pub(crate) fn moments(self) -> Moments {
        static ALL: LazyLock<[Moments; 3]> = LazyLock::new(|| {
            [Workload::Conversation, Workload::Code, Workload::Agent].map(Workload::measured)
        });
        ALL[self as usize]
    }

    fn measured(self) -> Moments {
        let mut random = Random::new(&[99]);
        let count = 400_000;
        let (mut sums, mut squares) = ([0.0; 2], [0.0; 2]);
        for _ in 0..count {
            let (input, output) = self.call(&mut random);
            for (index, tokens) in [input, output].into_iter().enumerate() {
                sums[index] += tokens;
                squares[index] += tokens * tokens;
            }
        }
        let of = |index: usize| {
            let mean = sums[index] / f64::from(count);
            (mean, (squares[index] / f64::from(count) - mean * mean).sqrt())
        };
        Moments { input: of(0), output: of(1) }
    }

    /// Mean input and output tokens of a day's calls. `usual_calls` are those without any event: they
    /// decide how the mean is drawn, so that a world without events draws it the same way.
    pub(crate) fn day_means(self, calls: f64, usual_calls: f64, random: &mut Random) -> (f64, f64) {
        if calls < 1.0 {
            return (0.0, 0.0);
        }
        if usual_calls <= DRAWN_CALLS_MAX {
            let (mut input, mut output) = (0.0, 0.0);
            for _ in 0..calls as usize {
                let (a, b) = self.call(random);
                input += a;
                output += b;
            }
            return (input / calls, output / calls);
        }
        let Moments { input, output } = self.moments();
        let mut drawn = |(mean, deviation): (f64, f64)| {
            random.normal(mean, deviation / calls.sqrt()).max(mean * 0.3)
        };
        (drawn(input), drawn(output))
    }
}

/// Linear interpolation in a table of equidistant quantiles.
fn at(table: &[f64; 41], share: f64) -> f64 {
    let place = share * 40.0;
    let below = (place as usize).min(39);
    table[below] + (table[below + 1] - table[below]) * (place - below as f64)
}
