// Comfort only: every page works without it.
"use strict";
for (const button of document.querySelectorAll("button.copy")) {
  const input = document.getElementById(button.dataset.copies);
  if (!navigator.clipboard || !input) continue;
  const said = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(input.value);
    button.textContent = button.dataset.done;
    setTimeout(() => (button.textContent = said), 2000);
  });
}
for (const input of document.querySelectorAll(".address input")) {
  input.addEventListener("focus", () => input.select());
}
// What scrolls sideways scrolls with the keyboard too, where the browser does not see to it itself.
for (const wide of document.querySelectorAll(".body table, .body pre")) {
  if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
}
