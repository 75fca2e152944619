// Names for what other scripts put on a page without one, for those who have the page read to them: the scrolling menu,
// and the search field of a list to choose from.
(() => {
  "use strict";

  const name = () => {
    for (const part of document.querySelectorAll("#nav-sidebar-apps .simplebar-content-wrapper")) part.setAttribute("aria-label", "Menu");
    for (const field of document.querySelectorAll(".select2-search__field:not([aria-label])")) {
      const select = field.closest(".select2-container")?.previousElementSibling;
      field.setAttribute("aria-label", select?.labels?.[0]?.textContent.trim() || "Search");
    }
  };

  addEventListener("load", () => {
    name();
    new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
  });
})();
