// JSON, as much as a topology message has: a value knows where its parts are. C++17, header only, no exceptions.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace voxmesh
{
struct Json
{
    enum class Sort { Null, Bool, Number, Text, List, Object } Is = Sort::Null;
    double Number = 0;
    std::string Text;
    /// Of a list, with empty names, or of an object.
    std::vector<std::pair<std::string, Json>> Parts;

    /// The value under a name; a null one where there is none.
    const Json& operator[](std::string_view name) const
    {
        static const Json Null;
        for (const auto& part : Parts)
            if (Is == Sort::Object && part.first == name)
                return part.second;
        return Null;
    }

    /// A whole number from 0 to `most` into `into`; false for anything else.
    bool Whole(std::uint64_t most, std::uint64_t& into) const
    {
        if (Is != Sort::Number || !(Number >= 0 && Number <= double(most)) || Number != std::floor(Number))
            return false;
        into = static_cast<std::uint64_t>(Number);
        return true;
    }
};

/// Parse(text, value): false for what is not JSON, nests deeper than 16, or has escapes of half a character.
class JsonParser
{
public:
    static bool Parse(std::string_view text, Json& into)
    {
        JsonParser parser(text);
        return parser.Value(into, 0) && (parser.Blank(), parser.At == text.size());
    }

private:
    explicit JsonParser(std::string_view text) : Source(text) {}

    std::string_view Source;
    std::size_t At = 0;

    void Blank()
    {
        while (At < Source.size() && (Source[At] == ' ' || Source[At] == '\n' || Source[At] == '\r' || Source[At] == '\t'))
            ++At;
    }

    bool Skip(char wanted)
    {
        Blank();
        if (At >= Source.size() || Source[At] != wanted)
            return false;
        ++At;
        return true;
    }

    bool Word(std::string_view word)
    {
        if (Source.substr(At, word.size()) != word)
            return false;
        At += word.size();
        return true;
    }

    bool Value(Json& into, int depth)
    {
        Blank();
        if (depth > 16 || At >= Source.size())
            return false;
        switch (Source[At])
        {
        case '{': return into.Is = Json::Sort::Object, Parts(into, '}', depth);
        case '[': return into.Is = Json::Sort::List, Parts(into, ']', depth);
        case '"': return into.Is = Json::Sort::Text, Text(into.Text);
        case 't': return into.Is = Json::Sort::Bool, into.Number = 1, Word("true");
        case 'f': return into.Is = Json::Sort::Bool, Word("false");
        case 'n': return Word("null");
        default: return into.Is = Json::Sort::Number, Number(into.Number);
        }
    }

    bool Parts(Json& into, char end, int depth)
    {
        ++At;
        if (Skip(end))
            return true;
        do
        {
            auto& part = into.Parts.emplace_back();
            Blank();
            if (end == '}' && !(Text(part.first) && Skip(':')))
                return false;
            if (!Value(part.second, depth + 1))
                return false;
        } while (Skip(','));
        return Skip(end);
    }

    /// By hand: strtod follows the locale, and from_chars for double is not everywhere.
    bool Number(double& into)
    {
        const bool minus = Word("-");
        double value = 0;
        int exponent = 0, digits = 0;
        for (; Digit(); ++At, ++digits)
            value = value * 10 + (Source[At] - '0');
        if (Word("."))
            for (; Digit(); ++At, ++digits, --exponent)
                value = value * 10 + (Source[At] - '0');
        if (digits == 0)
            return false;
        if (At < Source.size() && (Source[At] == 'e' || Source[At] == 'E'))
        {
            ++At;
            const bool down = Word("-");
            if (!down)
                Word("+");
            int power = 0;
            if (!Digit())
                return false;
            for (; Digit(); ++At)
                power = power > 10000 ? power : power * 10 + (Source[At] - '0');
            exponent += down ? -power : power;
        }
        into = (minus ? -value : value) * std::pow(10.0, exponent);
        return true;
    }

    bool Digit() const { return At < Source.size() && Source[At] >= '0' && Source[At] <= '9'; }

    bool Text(std::string& into)
    {
        if (!Skip('"'))
            return false;
        while (At < Source.size() && Source[At] != '"')
        {
            const char next = Source[At++];
            if (next != '\\')
            {
                into += next;
                continue;
            }
            static constexpr std::string_view Names = "\"\\/bfnrt", Values = "\"\\/\b\f\n\r\t";
            const char escaped = At < Source.size() ? Source[At++] : ' ';
            const auto which = Names.find(escaped);
            if (which != Names.npos)
                into += Values[which];
            else if (escaped != 'u' || !Escape(into))
                return false;
        }
        return Skip('"');
    }

    bool Hex(std::uint32_t& into)
    {
        into = 0;
        for (int i = 0; i < 4; ++i, ++At)
        {
            const char c = At < Source.size() ? Source[At] : ' ';
            const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
            if (digit < 0)
                return false;
            into = into * 16 + std::uint32_t(digit);
        }
        return true;
    }

    /// What follows `\u`, perhaps a pair of surrogates, as UTF-8.
    bool Escape(std::string& into)
    {
        std::uint32_t code, low;
        if (!Hex(code))
            return false;
        if (code >= 0xD800 && code < 0xE000)
        {
            if (code >= 0xDC00 || !Word("\\u") || !Hex(low) || low < 0xDC00 || low >= 0xE000)
                return false;
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
        const int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        static constexpr std::uint32_t First[] = {0, 0xC0, 0xE0, 0xF0};
        into += static_cast<char>(First[more] | code >> 6 * more);
        for (int i = more - 1; i >= 0; --i)
            into += static_cast<char>(0x80 | (code >> 6 * i & 0x3F));
        return true;
    }
};
} // namespace voxmesh
