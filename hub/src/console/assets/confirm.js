// The dialog that asks before something is done.

import { $, put, visible } from "./parts.js";
import { idempotencyKey } from "./api.js";
import { refreshStatus } from "./strip.js";

const confirming = { run: null };

export function confirm({ title, text, go, reason = false, run }) {
  put($("confirm-title"), title);
  put($("confirm-text"), visible(text));
  put($("confirm-go"), go);
  put($("confirm-error"), "");
  $("confirm-go").disabled = false;
  $("confirm-reason-label").hidden = !reason;
  $("confirm-reason").required = reason;
  $("confirm-reason").value = "";
  // One key for one decision: pressing again after a lost answer does not do it twice.
  const key = idempotencyKey();
  confirming.run = () => run(key, $("confirm-reason").value.trim());
  $("confirm").showModal();
  (reason ? $("confirm-reason") : $("confirm-cancel")).focus();
}

$("confirm-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("confirm-go").disabled = true;
  put($("confirm-error"), "");
  try {
    await confirming.run();
    $("confirm").close();
    $("page-title")?.focus();
    refreshStatus();
  } catch (error) {
    put($("confirm-error"), visible(error.message));
    if (error.status === 401) $("confirm").close();
  }
  $("confirm-go").disabled = false;
});
$("confirm-cancel").addEventListener("click", () => $("confirm").close());
