//! How things look in a terminal.
use serde_json::Value;

/// An event in a line.
pub fn event_line(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or("").to_owned();
    let time = text("time").replace('T', " ").replace('Z', "");
    let over = event["connection"].as_str().map_or(String::new(), |c| format!("  [{c}]"));
    clean(&format!(
        "{:<12} {time}  {:<28} {}{over}  {}",
        text("id"),
        text("type"),
        text("subject"),
        summary(&event["data"])
    ))
}

/// What matters most in an event's data, in a few words.
fn summary(data: &Value) -> String {
    for name in ["explanation", "because", "derivation", "reason"] {
        if let Some(text) = data[name].as_str() {
            return shortened(text);
        }
    }
    if let Some(message) = data["error"]["message"].as_str() {
        return shortened(message);
    }
    match (data["amount"]["amount"].as_str(), data["amount"]["currency"].as_str()) {
        (Some(amount), Some(currency)) => format!("{amount} {currency}"),
        _ => match data["kind"].as_str() {
            Some(kind) => kind.to_owned(),
            None => String::new(),
        },
    }
}

fn shortened(text: &str) -> String {
    const CHARS_MAX: usize = 100;
    if text.starts_with(crate::vault::SEALED_PREFIX) {
        return "(personal: `hub events show` opens it)".to_owned();
    }
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARS_MAX - 1).chain(['…']).collect()
}

/// Vendors' words may hold terminal escapes: no control character reaches the terminal.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// JSON over several lines; it escapes control characters itself.
pub fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Columns, each as wide as its widest cell.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: Vec<&str>| {
        let cells: Vec<String> =
            cells.iter().zip(&widths).map(|(c, w)| format!("{:<w$}", clean(c))).collect();
        cells.join("  ").trim_end().to_owned()
    };
    let mut out = vec![line(head.to_vec())];
    out.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    out.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendors_terminal_escapes_do_not_reach_the_terminal() {
        let event =
            serde_json::json!({ "id": "evt_1", "data": { "reason": "\u{1b}[2J\u{7}gone" } });
        assert!(!event_line(&event).contains('\u{1b}'));
        assert!(!table(&["a"], &[vec!["\u{1b}]0;x".into()]]).contains('\u{1b}'));
    }
}
