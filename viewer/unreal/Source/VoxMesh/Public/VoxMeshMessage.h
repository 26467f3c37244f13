// One message of the wire, version 1 (stream/PROTOCOL.md): its header, and readers for its body. C++17, header only, no
// engine, no exceptions, no allocation: it reads the caller's bytes into the caller's arrays. Little-endian machines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace voxmesh
{
enum class Kind : char { Frame = 'F', Topology = 'T', Audio = 'A', Bye = 'B' };
enum class Number : std::uint8_t { None = 0, Float32 = 1, Float16 = 2, Int16 = 3 };

constexpr std::size_t HeaderBytes = 88;
constexpr std::uint32_t MaxVertices = 1u << 20;
constexpr std::uint32_t MaxSamples = 1u << 20;
constexpr std::uint32_t MaxWeights = 4096;

/// A number at any address: no alignment is asked for.
template <typename T> T Load(const std::uint8_t* at)
{
    T value;
    std::memcpy(&value, at, sizeof(T));
    return value;
}

/// IEEE 754 binary16 to binary32, exactly.
inline float HalfToFloat(std::uint16_t half)
{
    const std::uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31u, fraction = half & 1023u;
    if (exponent == 0)
        return (sign ? -1.0f : 1.0f) * (static_cast<float>(fraction) * (1.0f / 16777216.0f));
    const std::uint32_t bits = sign | (exponent == 31 ? 255u : exponent + 112u) << 23 | fraction << 13;
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
}

struct Message
{
    voxmesh::Kind Kind = Kind::Bye;
    Number Type = Number::None;
    char Session[16] = {};
    std::uint64_t Index = 0, Sample = 0;
    /// CLOCK_MONOTONIC of the publishing machine; 0 when unknown.
    std::int64_t CapturedNs = 0, PublishedNs = 0;
    std::uint32_t LookaheadSamples = 0, SampleRate = 0;
    /// Vertices of a frame or topology, samples of audio.
    std::uint32_t Count = 0;
    std::uint32_t Weights = 0;
    float Scale = 1, Offset[3] = {};
    const std::uint8_t* Body = nullptr;
    std::size_t BodyBytes = 0;

    /// Reads a header. nullptr, or why it is refused: anything but a whole message of version 1. The body is checked for
    /// its length; a topology's by ReadTopology. The message points into `data` and copies nothing.
    const char* Parse(const void* data, std::size_t bytes)
    {
        const auto* at = static_cast<const std::uint8_t*>(data);
        if (bytes < 4 || std::memcmp(at, "VXM", 3) != 0)
            return "not a voxmesh message";
        if (at[3] != '1')
            return "another wire version than 1: update the voxmesh plugin";
        if (bytes < HeaderBytes)
            return "cut off inside its header";
        if (at[21] != 0)
            return "a flag that this reader does not know: update the voxmesh plugin";
        Kind = static_cast<voxmesh::Kind>(at[4]);
        Type = static_cast<Number>(at[22]);
        std::memcpy(Session, at + 5, sizeof(Session));
        Index = Load<std::uint64_t>(at + 24);
        Sample = Load<std::uint64_t>(at + 32);
        CapturedNs = Load<std::int64_t>(at + 40);
        PublishedNs = Load<std::int64_t>(at + 48);
        LookaheadSamples = Load<std::uint32_t>(at + 56);
        SampleRate = Load<std::uint32_t>(at + 60);
        Count = Load<std::uint32_t>(at + 64);
        Weights = Load<std::uint32_t>(at + 68);
        Scale = Load<float>(at + 72);
        std::memcpy(Offset, at + 76, sizeof(Offset));
        Body = at + HeaderBytes;
        BodyBytes = bytes - HeaderBytes;
        return Check();
    }

    std::string_view SessionName() const
    {
        std::size_t end = 0;
        while (end < sizeof(Session) && Session[end])
            ++end;
        return {Session, end};
    }

    /// A frame's weights, 0 to 1: `Weights` numbers.
    void ReadWeights(float* into) const
    {
        if (Kind == Kind::Frame && Weights)
            std::memcpy(into, Body, 4 * std::size_t(Weights));
    }

    /// A frame's vertices, metres, x y z x y z ...: 3 * `Count` numbers.
    void ReadVertices(float* into) const
    {
        if (Kind == Kind::Frame)
            ReadNumbers(Body + 4 * std::size_t(Weights), 3 * std::size_t(Count), 3, into);
    }

    /// Audio samples, -1 to 1: `Count` numbers.
    void ReadSamples(float* into) const
    {
        if (Kind == Kind::Audio)
            ReadNumbers(Body, Count, 1, into);
    }

private:
    std::size_t NumberBytes() const { return Type == Number::Float32 ? 4 : 2; }

    static bool Small(float value) { return value <= 1e30f && value >= -1e30f; }

    const char* Check() const
    {
        if (Session[0] == 0)
            return "no session";
        if (Count > MaxVertices || Weights > MaxWeights)
            return "more numbers than a message may have";
        if (Kind == Kind::Bye || Kind == Kind::Topology)
            return nullptr;
        if (Kind != Kind::Frame && Kind != Kind::Audio)
            return "a kind that this reader does not know: update the voxmesh plugin";
        if (Type < Number::Float32 || Type > Number::Int16)
            return "numbers of a type that this reader does not know: update the voxmesh plugin";
        const bool possible = Scale >= 0 && Small(Scale) && Small(Offset[0]) && Small(Offset[1]) && Small(Offset[2]);
        if (Type == Number::Int16 && !possible)
            return "an impossible scale or offset";
        if (Kind == Kind::Audio && (Weights || !SampleRate || BodyBytes != Count * NumberBytes()))
            return "sound whose length is not what its header says";
        if (Kind == Kind::Frame && BodyBytes != 4 * std::size_t(Weights) + 3 * std::size_t(Count) * NumberBytes())
            return "a frame whose length is not what its header says";
        return nullptr;
    }

    void ReadNumbers(const std::uint8_t* at, std::size_t count, std::size_t axes, float* into) const
    {
        if (Type == Number::Float32)
        {
            if (count)
                std::memcpy(into, at, 4 * count);
            return;
        }
        for (std::size_t i = 0; i < count; ++i, at += 2)
            into[i] = Type == Number::Float16
                ? HalfToFloat(Load<std::uint16_t>(at))
                : static_cast<float>(double(Offset[i % axes]) + double(Scale) * Load<std::int16_t>(at));
    }
};
} // namespace voxmesh
