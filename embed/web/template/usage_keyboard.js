import { Keyboard, Model } from "@NAME@";

const keyboard = new Keyboard(await Model.open());
keyboard.add("Anneliese"); // a word of the user's own
for (const character of "helo wrld ") {
  const { text, completions } = keyboard.push(character); // (character, dx, dy) of a touch
  console.log(text, completions.map(({ word }) => word));
}
