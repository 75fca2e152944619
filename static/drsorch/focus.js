// What a page marks with autofocus has the focus. The browser looks for it while the page is still hidden.
window.addEventListener("load", () => {
  if (document.activeElement === document.body) document.querySelector("[autofocus]")?.focus({ preventScroll: true });
});
