// Reads messages with the Unreal plugin's engine-free part and prints a line of each: `reader files FILE...`,
// `reader live ENDPOINT` until goodbye, over libzmq, `reader mutate COUNT FILE...`, and `reader newest ENDPOINT`, which
// runs the plugin's receiver until goodbye; `reader timed ENDPOINT` tells when each frame came. tests/foreign.py makes the
// same lines in Python. Compiled with -DVOXMESH_FUZZ it is a libFuzzer target instead: viewer/unreal/README.md has the command.
#include "VoxMeshReceiver.h"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <sstream>
#include <zmq.hpp>

using namespace voxmesh;
using Bytes = std::vector<std::uint8_t>;

static std::string Crc(const void* data, std::size_t bytes)
{
    std::uint32_t crc = 0xFFFFFFFFu;
    for (std::size_t i = 0; i < bytes; ++i)
    {
        crc ^= static_cast<const std::uint8_t*>(data)[i];
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    char text[9];
    std::snprintf(text, sizeof(text), "%08x", static_cast<unsigned>(~crc));
    return text;
}

template <typename T> static std::string Crc(const std::vector<T>& values)
{
    return Crc(values.data(), values.size() * sizeof(T));
}

static std::string Line(const std::uint8_t* data, std::size_t bytes)
{
    Message m;
    std::ostringstream out;
    if (m.Parse(data, bytes))
        return "refused";
    if (m.Kind == Kind::Bye)
        return "bye " + std::string(m.SessionName());
    if (m.Kind == Kind::Topology)
    {
        Topology t;
        if (TopologyReader::Read(m, t))
            return "refused";
        std::string names;
        for (const auto& name : t.BlendshapeNames)
            names += (names.empty() ? "" : "\n") + name;
        const auto nose = t.Landmarks.find("nose_tip");
        out << "topology " << t.Session << ' ' << m.Count << ' ' << t.Faces.size() / 3 << ' ' << t.SampleRate << ' ' << t.FpsNum
            << ' ' << t.FpsDen << ' ' << Crc(t.Template) << ' ' << Crc(t.Faces) << ' ' << Crc(names.data(), names.size()) << ' '
            << t.Landmarks.size() << ' ' << (nose == t.Landmarks.end() ? -1 : int(nose->second));
        return out.str();
    }
    const bool audio = m.Kind == Kind::Audio;
    std::vector<float> numbers(audio ? m.Count : 3 * std::size_t(m.Count)), weights(m.Weights);
    audio ? m.ReadSamples(numbers.data()) : m.ReadVertices(numbers.data());
    m.ReadWeights(weights.data());
    out << (audio ? "audio " : "frame ") << m.SessionName() << ' ' << m.Index << ' ' << m.Sample << ' ' << m.CapturedNs << ' '
        << m.PublishedNs << ' ' << m.LookaheadSamples << ' ' << m.SampleRate << ' ' << m.Count << ' ';
    if (audio)
        out << Crc(numbers);
    else
        out << m.Weights << ' ' << Crc(numbers) << ' ' << Crc(weights);
    return out.str();
}

#ifdef VOXMESH_FUZZ
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes)
{
    Line(data, bytes);
    return 0;
}
#else
static Bytes File(const char* path)
{
    std::ifstream file(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(file), {});
}

/// With `timed`, a line a frame of its index, when it was sent and when its vertices were read, monotonic nanoseconds.
static int Live(const char* endpoint, bool timed)
{
    zmq::context_t context;
    zmq::socket_t socket(context, zmq::socket_type::sub);
    socket.set(zmq::sockopt::rcvtimeo, 20000);
    socket.set(zmq::sockopt::subscribe, "VXM1");
    socket.connect(endpoint);
    zmq::message_t message;
    std::vector<float> vertices;
    std::string lines;
    while (socket.recv(message))
    {
        Message m;
        if (timed && !m.Parse(static_cast<const std::uint8_t*>(message.data()), message.size()) && m.Kind == Kind::Frame)
        {
            vertices.resize(3 * std::size_t(m.Count));
            m.ReadVertices(vertices.data());
            const auto now = std::chrono::steady_clock::now().time_since_epoch();
            const auto now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
            lines += std::to_string(m.Index) + ' ' + std::to_string(m.PublishedNs) + ' ' + std::to_string(now_ns) + '\n';
            continue;
        }
        const std::string line = Line(static_cast<const std::uint8_t*>(message.data()), message.size());
        std::cout << line << std::endl;
        if (line.rfind("bye", 0) == 0)
        {
            std::cout << lines;
            return 0;
        }
    }
    return 1;
}

/// The receiver itself: what it counted, and the checksum of the last frame that it gave.
static int Newest(const char* endpoint, const Keys& keys)
{
    Receiver receiver(endpoint, keys);
    Frame frame;
    std::shared_ptr<const Topology> topology;
    std::cout << "ready" << std::endl;
    for (int i = 0; i < 20000 && !receiver.Ended; ++i)
    {
        if (auto found = receiver.TakeTopology())
            topology = found;
        receiver.TakeFrame(frame);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (auto found = receiver.TakeTopology())
        topology = found;
    receiver.TakeFrame(frame);
    std::cout << "newest " << frame.Header.Index << ' ' << Crc(frame.Vertices) << ' ' << Crc(frame.Weights) << " received "
              << receiver.Received << " missed " << receiver.Missed << " damaged " << receiver.Damaged << " template "
              << (topology ? Crc(topology->Template) : "none") << std::endl;
    return receiver.Ended ? 0 : 1;
}

static int Mutate(int count, const std::vector<Bytes>& seeds)
{
    std::mt19937 random(1);
    int refused = 0;
    for (int i = 0; i < count; ++i)
    {
        Bytes data = seeds[std::size_t(i) % seeds.size()];
        if (random() % 3 == 0)
            data.resize(random() % (data.size() + 9));
        for (auto k = 1 + random() % 5; k > 0 && !data.empty(); --k)
            data[random() % (random() % 2 ? std::min<std::size_t>(96, data.size()) : data.size())] = std::uint8_t(random());
        // A copy of its own size: one byte past it is one that the sanitizer knows of.
        const auto exact = std::make_unique<std::uint8_t[]>(data.size());
        std::copy(data.begin(), data.end(), exact.get());
        refused += Line(exact.get(), data.size()) == "refused";
    }
    std::cout << "mutations " << count << " refused " << refused << std::endl;
    return 0;
}

int main(int count, char** words)
{
    const std::string what = count > 2 ? words[1] : "";
    if (what == "live" || what == "timed")
        return Live(words[2], what == "timed");
    if (what == "newest")
        return Newest(words[2], count > 5 ? Keys{words[3], words[4], words[5]} : Keys{});
    std::vector<Bytes> files;
    for (int i = what == "mutate" ? 3 : 2; i < count; ++i)
        files.push_back(File(words[i]));
    if (what == "mutate")
        return Mutate(std::stoi(words[2]), files);
    for (const auto& file : files)
        std::cout << Line(file.data(), file.size()) << '\n';
    return 0;
}
#endif
