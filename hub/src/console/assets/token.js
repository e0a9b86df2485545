// The form that asks for an API token, and the button that forgets it.

import { $, put } from "./parts.js";
import { forgetToken, keepToken, token, whenRefused } from "./api.js";
import { setLive, stopStream } from "./stream.js";

let onChange = () => {};
/** Says what a new token, or none any more, leads to. */
export const whenTokenChanges = (then) => { onChange = then; };

function askForToken() {
  if (token()) put($("token-why"), "The hub refused the token. It may be revoked, or made for another hub.");
  $("forget").hidden = !token();
  if (!$("token-form").hidden) return;
  $("token-form").hidden = false;
  stopStream();
  setLive("off", "Waiting for a token");
  $("token").focus();
}

function afterTokenChange() {
  $("token-form").hidden = true;
  $("forget").hidden = !token();
  onChange();
}

$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = $("token").value.trim();
  if (!value || /[^\x21-\x7e]/.test(value)) return put($("token-why"), "A token is letters, digits and signs, without spaces.");
  keepToken(value);
  $("token").value = "";
  afterTokenChange();
});
$("forget").addEventListener("click", () => { forgetToken(); afterTokenChange(); });

$("forget").hidden = !token();
whenRefused(askForToken);
