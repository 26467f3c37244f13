// What a face is while it does not move, from a topology message. C++17, header only, no engine, no exceptions.
#pragma once

#include "VoxMeshJson.h"
#include "VoxMeshMessage.h"

#include <map>

namespace voxmesh
{
/// Metres, Y up, facing +Z, right-handed, triangles counter-clockwise seen from outside.
struct Topology
{
    std::string Session;
    std::vector<float> Template;
    std::vector<std::int32_t> Faces;
    /// sRGB, 3 a vertex; empty when it was not sent.
    std::vector<std::uint8_t> Albedo;
    std::vector<std::string> BlendshapeNames;
    std::map<std::string, std::uint32_t> Landmarks;
    /// Frame t depicts sample floor(t * SampleRate * FpsDen / FpsNum).
    std::uint32_t SampleRate = 0, FpsNum = 0, FpsDen = 0;
};

class TopologyReader
{
public:
    /// nullptr, or why the message is refused.
    static const char* Read(const Message& message, Topology& into)
    {
        if (message.Kind != Kind::Topology || message.BodyBytes < 8)
            return "no topology";
        const std::uint64_t text = Load<std::uint32_t>(message.Body);
        if (text % 8 != 0 || text > message.BodyBytes - 8)
            return "a topology whose JSON is not there";
        Json about;
        if (!JsonParser::Parse({reinterpret_cast<const char*>(message.Body) + 8, std::size_t(text)}, about))
            return "a topology whose JSON is damaged";
        const std::uint8_t* arrays = message.Body + 8 + text;
        const std::uint64_t bytes = message.BodyBytes - 8 - text;
        into = Topology();
        into.Session = message.SessionName();
        for (const auto& [_, entry] : about["arrays"].Parts)
            if (!Array(entry, arrays, bytes, into))
                return "a topology with an array that is not inside it";
        if (!About(about, message, into))
            return "a topology without its clock, names or landmarks";
        return Whole(message, into) ? nullptr : "a topology that is not what its header tells of";
    }

private:
    static bool Array(const Json& entry, const std::uint8_t* arrays, std::uint64_t bytes, Topology& into)
    {
        std::uint64_t count = 1, offset = 0, size = 0;
        const auto& shape = entry["shape"].Parts;
        if (shape.size() > 2 || !entry["offset"].Whole(bytes, offset) || offset % 8 != 0)
            return false;
        for (const auto& [_, part] : shape)
        {
            if (!part.Whole(1 << 24, size))
                return false;
            count *= size;
        }
        const std::string& type = entry["type"].Text;
        if (count > (bytes - offset) / (type == "uint8" ? 1 : 4))
            return false;
        const std::string& name = entry["name"].Text;
        if (name == "template")
            return type == "float32" && Copy(arrays + offset, count, into.Template);
        if (name == "faces")
            return type == "int32" && Copy(arrays + offset, count, into.Faces);
        return name != "albedo" || (type == "uint8" && Copy(arrays + offset, count, into.Albedo));
    }

    template <typename T> static bool Copy(const std::uint8_t* from, std::uint64_t count, std::vector<T>& into)
    {
        into.resize(std::size_t(count));
        if (count)
            std::memcpy(into.data(), from, std::size_t(count) * sizeof(T));
        return count % 3 == 0;
    }

    static bool About(const Json& about, const Message& message, Topology& into)
    {
        for (const auto& [_, name] : about["blendshape_names"].Parts)
            into.BlendshapeNames.push_back(name.Text);
        std::uint64_t value = 0;
        for (const auto& [name, vertex] : about["landmarks"].Parts)
        {
            if (!vertex.Whole(MaxVertices, value) || value >= message.Count)
                return false;
            into.Landmarks[name] = std::uint32_t(value);
        }
        return Positive(about["sample_rate"], into.SampleRate) && Positive(about["fps_num"], into.FpsNum)
            && Positive(about["fps_den"], into.FpsDen);
    }

    static bool Positive(const Json& json, std::uint32_t& into)
    {
        std::uint64_t value = 0;
        const bool whole = json.Whole(0x7FFFFFFF, value);
        into = std::uint32_t(value);
        return whole && value > 0;
    }

    static bool Whole(const Message& message, const Topology& found)
    {
        for (const std::int32_t vertex : found.Faces)
            if (vertex < 0 || std::uint32_t(vertex) >= message.Count)
                return false;
        return found.Template.size() == 3 * std::size_t(message.Count) && found.BlendshapeNames.size() == message.Weights
            && (found.Albedo.empty() || found.Albedo.size() == found.Template.size());
    }
};
} // namespace voxmesh
