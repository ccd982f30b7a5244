//! Scores of the Exploit Prediction Scoring System (FIRST): a table with its model and date in the first line.

use wardline_model::{ExploitPrediction, Label};

use super::FeedError;

const KIND: &str = "EPSS score";

pub(super) fn read(text: &str) -> Result<Vec<ExploitPrediction>, FeedError> {
    let (mut model, mut date) = (Label::default(), Label::default());
    let mut predictions = Vec::new();
    let mut headed = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            for field in comment.split(',') {
                match field.trim().split_once(':') {
                    Some(("model_version", value)) => model = Label::new(value),
                    Some(("score_date", value)) => date = Label::new(value.get(..10).unwrap_or(value)),
                    _ => {}
                }
            }
            continue;
        }
        if line.is_empty() {
            continue;
        }
        if !headed {
            if !line.starts_with("cve,epss") {
                return Err(FeedError::Unknown);
            }
            headed = true;
            continue;
        }
        let wrong = |reason| FeedError::Line { kind: KIND, line: number + 1, reason };
        let mut columns = line.split(',');
        let cve = columns.next().filter(|cve| cve.starts_with("CVE-"));
        let cve = cve.ok_or_else(|| wrong("the first column is no CVE identifier"))?;
        let mut share = |reason| {
            let value = columns.next().and_then(|value| value.trim().parse::<f32>().ok());
            value.filter(|value| (0.0..=1.0).contains(value)).ok_or_else(|| wrong(reason))
        };
        let probability = share("the second column is no number from 0 to 1")?;
        let percentile = share("the third column is no number from 0 to 1")?;
        predictions.push(ExploitPrediction {
            cve: Label::new(cve),
            probability,
            percentile,
            model: model.clone(),
            date: date.clone(),
        });
    }
    if headed { Ok(predictions) } else { Err(FeedError::Unknown) }
}
