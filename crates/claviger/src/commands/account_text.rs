//! Accounts as people read them: tables of what the server sent. Knows the members that it prints and no request.

use std::fmt::Write;

use serde_json::Value;

/// The members of an account in the order in which they are printed.
const COLUMNS: [(&str, &str); 4] =
    [("Id", "ACCOUNT"), ("Status", "STATUS"), ("Name", "NAME"), ("OrganizationPath", "PATH")];

/// One line for each account.
pub(super) fn table(accounts: &[Value]) -> String {
    let heads = COLUMNS.map(|(_, head)| head);
    let rows = accounts.iter().map(|account| COLUMNS.map(|(member, _)| text(account, member)));
    let rows: Vec<[&str; 4]> = std::iter::once(heads).chain(rows).collect();
    let mut widths = [0; 4];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut table = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

/// One line for each member and each tag of an account.
pub(super) fn description(described: &Value) -> String {
    let account = described.get("Account").unwrap_or(&Value::Null);
    let mut text_of_all = String::new();
    for (member, head) in COLUMNS {
        // INVARIANT: writing to a String cannot fail.
        let _ = writeln!(text_of_all, "{head:8}  {}", text(account, member));
    }
    text_of_all + &tags(described)
}

/// One line for each tag.
pub(super) fn tags(listed: &Value) -> String {
    let tags = listed.get("Tags").and_then(Value::as_array).into_iter().flatten();
    tags.map(|tag| format!("TAG       {}={}\n", text(tag, "Key"), text(tag, "Value"))).collect()
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap_or("-")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let account =
            |name: &str| json!({"Id": "111122223333", "Status": "ACTIVE", "Name": name, "ParentId": "r-abcd"});
        let want = "ACCOUNT       STATUS  NAME  PATH\n\
                    111122223333  ACTIVE  a     -\n\
                    111122223333  ACTIVE  café  -\n";
        assert_eq!(table(&[account("a"), account("café")]), want);
    }

    #[test]
    fn an_account_with_its_tags() {
        let account = json!({"Id": "111122223333", "Status": "CLOSED", "Name": "n", "OrganizationPath": "o-a/r-b/"});
        let described = json!({"Account": account, "Tags": [{"Key": "environment", "Value": "prod"}]});
        let want = "ACCOUNT   111122223333\nSTATUS    CLOSED\nNAME      n\nPATH      o-a/r-b/\n\
                    TAG       environment=prod\n";
        assert_eq!(description(&described), want);
    }
}
