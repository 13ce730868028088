// Every kind of label but forms by its name: how one is begun, drawn, shown, told apart. One kind, one file, as in
// concord/labels.
import boxes from "./boxes.js";
import choice from "./choice.js";
import choices from "./choices.js";
import number from "./number.js";
import polygons from "./polygons.js";
import preference from "./preference.js";
import ranking from "./ranking.js";
import rating from "./rating.js";
import spans from "./spans.js";
import taxonomy from "./taxonomy.js";
import text from "./text.js";

// What a kind has:
//   begin(schema, content, seed)    a draft with nothing said yet
//   problem(draft, schema)          why it is no label yet, as [name of a sentence, blanks]; null when it is one
//   label(draft, schema, seed)      the label as concord/labels defines it
//   draft(label, schema, seed)      the draft that shows a label
//   pieces(label, schema, content)  what it says, in short texts that two labels may share
//   Editor                          draws it: { schema, content, mediaType, draft, change, seed }
//   Shown                           shows it: { schema, content, mediaType, label }
//   showsContent                    whether both show the unit's content themselves
//   sendsAtOnce                     whether one choice is the whole label
export const KINDS = { choice, choices, rating, number, preference, ranking, spans, boxes, polygons, text, taxonomy };
