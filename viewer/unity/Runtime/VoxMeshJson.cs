using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace VoxMesh
{
    /// <summary>
    /// JSON to Dictionary, List, string, double, bool and null: for the one object in a topology message, whose keys
    /// Unity's JsonUtility cannot take. Throws FormatException for anything else.
    /// </summary>
    internal sealed class VoxMeshJson
    {
        private const int MaxDepth = 16;
        private readonly string text;
        private int at;

        private VoxMeshJson(string text)
        {
            this.text = text;
        }

        public static object Parse(string text)
        {
            VoxMeshJson json = new VoxMeshJson(text);
            object value = json.Value(0);
            if (json.Peek() != '\0' || json.at < text.Length)
                throw new FormatException("text after the JSON");
            return value;
        }

        private char Peek()
        {
            while (at < text.Length && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t'))
                at++;
            return at < text.Length ? text[at] : '\0';
        }

        private bool Skip(char wanted)
        {
            if (Peek() != wanted || at >= text.Length)
                return false;
            at++;
            return true;
        }

        private void Expect(char wanted)
        {
            if (!Skip(wanted))
                throw new FormatException("JSON without a " + wanted + " at " + at);
        }

        private object Value(int depth)
        {
            if (depth > MaxDepth)
                throw new FormatException("JSON nested too deep");
            switch (Peek())
            {
                case '{': return Members(depth);
                case '[': return Items(depth);
                case '"': return Text();
                case 't': return Word("true", true);
                case 'f': return Word("false", false);
                case 'n': return Word("null", null);
                default: return Number();
            }
        }

        private Dictionary<string, object> Members(int depth)
        {
            Dictionary<string, object> members = new Dictionary<string, object>();
            Expect('{');
            if (Skip('}'))
                return members;
            do
            {
                Peek();
                string key = Text();
                Expect(':');
                members[key] = Value(depth + 1);
            } while (Skip(','));
            Expect('}');
            return members;
        }

        private List<object> Items(int depth)
        {
            List<object> items = new List<object>();
            Expect('[');
            if (Skip(']'))
                return items;
            do
                items.Add(Value(depth + 1));
            while (Skip(','));
            Expect(']');
            return items;
        }

        private string Text()
        {
            Expect('"');
            StringBuilder found = new StringBuilder();
            while (at < text.Length && text[at] != '"')
            {
                char next = text[at++];
                if (next != '\\')
                {
                    found.Append(next);
                    continue;
                }
                if (at >= text.Length)
                    break;
                char escaped = text[at++];
                int which = "\"\\/bfnrt".IndexOf(escaped);
                if (which >= 0)
                    found.Append("\"\\/\b\f\n\r\t"[which]);
                else if (escaped == 'u' && at + 4 <= text.Length)
                {
                    found.Append((char)ushort.Parse(text.Substring(at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                    at += 4;
                }
                else
                    throw new FormatException("JSON with an unknown escape at " + at);
            }
            Expect('"');
            return found.ToString();
        }

        private object Word(string word, object value)
        {
            if (string.CompareOrdinal(text, at, word, 0, word.Length) != 0)
                throw new FormatException("JSON with an unknown word at " + at);
            at += word.Length;
            return value;
        }

        private object Number()
        {
            int begin = at;
            while (at < text.Length && "+-.eE0123456789".IndexOf(text[at]) >= 0)
                at++;
            double value;
            if (!double.TryParse(text.Substring(begin, at - begin), NumberStyles.Float, CultureInfo.InvariantCulture, out value))
                throw new FormatException("JSON without a value at " + begin);
            return value;
        }
    }
}
