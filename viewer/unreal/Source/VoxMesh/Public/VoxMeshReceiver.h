// Receives on a thread of its own and keeps the newest frame and topology for whoever draws. C++17, libzmq, no engine.
#pragma once

#include "VoxMeshTopology.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>
#include <zmq.h>

namespace voxmesh
{
/// A frame's header and numbers. Its Message points to no body any more.
struct Frame
{
    Message Header;
    std::vector<float> Vertices, Weights;
};

/// For a publisher that asks for keys: its public one and our own pair, 40 characters each, as in voxmesh's key files.
struct Keys
{
    std::string Server, Public, Secret;
};

class Receiver
{
public:
    /// The publisher may come later, go and come back.
    explicit Receiver(std::string endpoint, Keys keys = {})
        : Endpoint(std::move(endpoint)), Curve(std::move(keys)), Thread([this] { Run(); })
    {
    }

    ~Receiver()
    {
        Stop = true;
        Thread.join();
    }

    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    /// The newest frame, once; false when there is no new one. Swaps buffers: nothing is copied or allocated.
    bool TakeFrame(Frame& into)
    {
        const std::lock_guard<std::mutex> lock(Gate);
        if (!Fresh)
            return false;
        Fresh = false;
        std::swap(into, Newest);
        return true;
    }

    /// The newest topology, once; nullptr when there is no new one.
    std::shared_ptr<const Topology> TakeTopology()
    {
        const std::lock_guard<std::mutex> lock(Gate);
        return std::move(Surface);
    }

    /// Why the last message was refused, or the address was; empty before any.
    std::string Refusal()
    {
        const std::lock_guard<std::mutex> lock(Gate);
        return Refused;
    }

    /// Frames that arrived; that never did, seen as gaps in the index; messages that were refused.
    std::atomic<std::uint64_t> Received{0}, Missed{0}, Damaged{0};
    /// The publisher has said goodbye.
    std::atomic<bool> Ended{false};

private:
    const std::string Endpoint;
    const Keys Curve;
    std::atomic<bool> Stop{false};
    std::mutex Gate;
    Frame Newest;
    Message Last;
    std::shared_ptr<const Topology> Surface;
    std::string Refused;
    bool Fresh = false;
    // Last, so that all it works on is there before it starts.
    std::thread Thread;

    /// libzmq's C calls: cppzmq reports by exceptions, which Unreal is built without.
    void Run()
    {
        void* context = zmq_ctx_new();
        void* socket = zmq_socket(context, ZMQ_SUB);
        const int patience = 100, linger = 0;
        zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof(patience));
        zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger));
        // The greetings of later versions too: to say that this plugin is too old instead of nothing.
        for (const char* topic : {"VXM1F", "VXM1T", "VXM1B", "VXM2T", "VXM3T", "VXM4T", "VXM5T", "VXM6T", "VXM7T", "VXM8T", "VXM9T"})
            zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic, 5);
        if (!Curve.Server.empty()
            && (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, Curve.Server.c_str(), Curve.Server.size()) != 0
                || zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, Curve.Public.c_str(), Curve.Public.size()) != 0
                || zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, Curve.Secret.c_str(), Curve.Secret.size()) != 0))
            Refuse("these are no keys, or this libzmq was built without CURVE");
        else if (zmq_connect(socket, Endpoint.c_str()) != 0)
            Refuse(Endpoint + ": " + zmq_strerror(zmq_errno()));
        zmq_msg_t message;
        zmq_msg_init(&message);
        while (!Stop)
            if (zmq_msg_recv(&message, socket, 0) >= 0)
                Take(zmq_msg_data(&message), zmq_msg_size(&message));
        zmq_msg_close(&message);
        zmq_close(socket);
        zmq_ctx_term(context);
    }

    void Refuse(std::string why)
    {
        const std::lock_guard<std::mutex> lock(Gate);
        Refused = std::move(why);
    }

    void Take(const void* data, std::size_t bytes)
    {
        Message message;
        const char* refusal = message.Parse(data, bytes);
        auto surface = std::make_shared<Topology>();
        if (!refusal && message.Kind == Kind::Topology)
            refusal = TopologyReader::Read(message, *surface);
        if (refusal)
        {
            ++Damaged;
            Refuse(refusal);
        }
        else if (message.Kind == Kind::Topology)
        {
            const std::lock_guard<std::mutex> lock(Gate);
            Surface = std::move(surface);
        }
        else if (message.Kind == Kind::Frame)
            Keep(message);
        else if (message.Kind == Kind::Bye)
            Ended = true;
    }

    void Keep(Message& message)
    {
        if (Received && message.SessionName() == Last.SessionName() && message.Index > Last.Index)
            Missed += message.Index - Last.Index - 1;
        ++Received;
        Ended = false;
        const std::lock_guard<std::mutex> lock(Gate);
        Newest.Vertices.resize(3 * std::size_t(message.Count));
        Newest.Weights.resize(message.Weights);
        message.ReadVertices(Newest.Vertices.data());
        message.ReadWeights(Newest.Weights.data());
        message.Body = nullptr;
        message.BodyBytes = 0;
        Newest.Header = Last = message;
        Fresh = true;
    }
};
} // namespace voxmesh
