// The steps of a wave's form: one more is added where it is needed, and steps are moved by button, with no page loaded
// and the focus kept. The server gave the empty step and reads their order from the hidden numbers.
(() => {
  "use strict";

  document.addEventListener("DOMContentLoaded", () => {
    const list = document.querySelector("[data-steps]");
    if (!list) return;
    const form = list.closest("form");
    const blank = form.querySelector("[data-blank-step]");
    const total = form.querySelector("[name$='-TOTAL_FORMS']");
    const said = form.querySelector("[data-steps-status]");
    const nameOf = (step) => step.querySelector("[name$='-name']").value.trim() || "New step";

    const number = () => [...list.children].forEach((step, place) => {
      step.querySelector("[name$='-ORDER']").value = place + 1;
      step.querySelector("[data-step-title]").textContent = nameOf(step);
      step.querySelector("[data-step-moves]").hidden = list.children.length < 2;
      for (const button of step.querySelectorAll("[data-move]")) {
        button.setAttribute("aria-label", `Move ${nameOf(step)} ${button.dataset.move}`);
        button.hidden = button.dataset.move === "up" ? place === 0 : place === list.children.length - 1;
      }
    });

    const blankStep = (index) => {
      const made = document.createElement("template");
      made.innerHTML = blank.innerHTML.replaceAll("__prefix__", index);
      return made.content;
    };

    form.querySelector("[data-add-step]").addEventListener("click", (event) => {
      event.preventDefault();
      list.append(blankStep(total.value));
      total.value = Number(total.value) + 1;
      number();
      list.lastElementChild.querySelector("[name$='-name']").focus();
      form.dispatchEvent(new Event("change"));
    });
    list.addEventListener("click", (event) => {
      const button = event.target.closest("[data-move]");
      if (!button) return;
      const step = button.closest("[data-step]");
      const isUp = button.dataset.move === "up";
      const beside = isUp ? step.previousElementSibling : step.nextElementSibling;
      if (!beside) return;
      beside.insertAdjacentElement(isUp ? "beforebegin" : "afterend", step);
      number();
      // At an end, only the way back is left.
      (button.hidden ? step.querySelector("[data-move]:not([hidden])") : button).focus();
      step.scrollIntoView({ block: "nearest" });
      said.textContent = `${nameOf(step)} is step ${[...list.children].indexOf(step) + 1} of ${list.children.length}.`;
      form.dispatchEvent(new Event("change"));
    });
    // After signing in again, keep.js holds the steps that the page does not have.
    form.addEventListener("drsorch:restored", () => {
      for (let index = list.children.length; index < Number(total.value); index += 1) {
        const step = blankStep(index);
        for (const kept of form.querySelectorAll(`input[type=hidden][name^="steps-${index}-"]`)) {
          const field = step.querySelector(`[name="${kept.name}"]`);
          if (field?.type === "checkbox") field.checked = true;
          else if (field) field.value = kept.value;
          kept.remove();
        }
        list.append(step);
      }
      number();
    });
    list.addEventListener("input", (event) => event.target.name.endsWith("-name") && number());
    number();
  });
})();
