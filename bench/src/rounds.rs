//! Paired rounds: two sides in turn, so that what disturbs the machine disturbs both, and the spread of their ratio.

use std::fmt;
use std::rc::Rc;

use crate::BenchError;
use crate::corpus::Corpus;
use crate::load::{self, Report, Window};
use crate::server::Server;

/// One side of a comparison: a server and what it is asked.
pub struct Side {
    /// How the rounds call it.
    pub name: String,
    /// The server; both sides may be one server that is asked different things.
    pub server: Rc<Server>,
    /// The requests.
    pub corpus: Rc<Corpus>,
}

/// The ratios of a comparison: CPU per request of the first side over the second's, for each round.
pub struct Ratios(Vec<f64>);

/// The five-number summary of a set of measurements.
#[derive(Debug, PartialEq)]
pub struct Spread {
    /// The least.
    pub minimum: f64,
    /// A quarter of them are at most this.
    pub lower_quartile: f64,
    /// Half of them are at most this.
    pub median: f64,
    /// Three quarters of them are at most this.
    pub upper_quartile: f64,
    /// The greatest.
    pub maximum: f64,
}

/// Runs the rounds; `tell` gets a line for each.
pub async fn compare(
    sides: [&Side; 2],
    rounds: usize,
    window: Window,
    mut tell: impl FnMut(&str),
) -> Result<Ratios, BenchError> {
    let mut ratios = Vec::with_capacity(rounds);
    for round in 1..=rounds {
        let [first, second] = [measure(sides[0], window).await?, measure(sides[1], window).await?];
        let ratio = first.cpu_micros / second.cpu_micros;
        tell(&format!("round {round:2}  {}: {first}  {}: {second}  ratio {ratio:.3}", sides[0].name, sides[1].name));
        ratios.push(ratio);
    }
    Ok(Ratios(ratios))
}

impl Ratios {
    /// Their spread; nothing if there was no round.
    pub fn spread(&self) -> Option<Spread> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |share| quantile(&sorted, share);
        Some(Spread {
            minimum: at(0.0)?,
            lower_quartile: at(0.25)?,
            median: at(0.5)?,
            upper_quartile: at(0.75)?,
            maximum: at(1.0)?,
        })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "median {:.3}  (minimum {:.3}, quartiles {:.3} and {:.3}, maximum {:.3})",
            self.median, self.minimum, self.lower_quartile, self.upper_quartile, self.maximum
        )
    }
}

struct Measured {
    cpu_micros: f64,
    report: Report,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p99 = self.report.percentile(0.99).as_secs_f64() * 1e6;
        write!(f, "{:.2} µs CPU {:.0} req/s p99 {p99:.0} µs", self.cpu_micros, self.report.rate())
    }
}

/// One run; a run with refusals or wrong replies is no measurement.
async fn measure(side: &Side, window: Window) -> Result<Measured, BenchError> {
    let report = load::run(&side.corpus, side.server.endpoint(), window, Some(side.server.pid())).await?;
    match report.cpu_micros_per_request() {
        Some(cpu_micros) if report.is_clean() => Ok(Measured { cpu_micros, report }),
        _ => Err(BenchError::Process(format!("{} did not answer all requests well: {report}", side.name))),
    }
}

/// The value at a share of the sorted values, between two of them if the share falls there (Hyndman and Fan's type 7).
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let position = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted.get(position.floor() as usize)?, sorted.get(position.ceil() as usize)?);
    Some(below + (above - below) * position.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_interpolates() {
        for (values, want) in [
            (vec![2.0], Some([2.0, 2.0, 2.0, 2.0, 2.0])),
            (vec![3.0, 1.0], Some([1.0, 1.5, 2.0, 2.5, 3.0])),
            (vec![5.0, 1.0, 4.0, 2.0, 3.0], Some([1.0, 2.0, 3.0, 4.0, 5.0])),
            (vec![], None),
        ] {
            let got = Ratios(values.clone()).spread();
            let got = got.map(|s| [s.minimum, s.lower_quartile, s.median, s.upper_quartile, s.maximum]);
            assert_eq!(got, want, "{values:?}");
        }
    }
}
