// What the Unity package uses of UnityEngine, NetMQ and AsyncIO, with no insides: to check its types where they are not.
using System;

namespace UnityEngine
{
    public class Object { public string name; public static void Destroy(Object what) { } }
    public class Component : Object
    {
        public GameObject gameObject;
        public Transform transform;
        public T GetComponent<T>() { return default(T); }
    }
    public class Behaviour : Component { }
    public class MonoBehaviour : Behaviour { }
    public class GameObject : Object { public T AddComponent<T>() where T : Component { return null; } }
    public class Transform : Component { public Vector3 position; public void LookAt(Transform target) { } }
    public class Camera : Behaviour { public static Camera main; public float nearClipPlane; }
    public class Renderer : Component { public Material sharedMaterial; }
    public class MeshRenderer : Renderer { }
    public class SkinnedMeshRenderer : Renderer
    {
        public Mesh sharedMesh;
        public void SetBlendShapeWeight(int index, float value) { }
    }
    public class MeshFilter : Component { public Mesh sharedMesh; }
    public class Shader : Object { public static Shader Find(string name) { return null; } }
    public class Material : Object { public Material(Shader shader) { } }
    public sealed class Mesh : Object
    {
        public Rendering.IndexFormat indexFormat;
        public Vector3[] vertices;
        public Color32[] colors32;
        public int[] triangles;
        public int blendShapeCount;
        public string GetBlendShapeName(int index) { return ""; }
        public void MarkDynamic() { }
        public void RecalculateNormals() { }
        public void RecalculateBounds() { }
    }
    public struct Vector3
    {
        public Vector3(float x, float y, float z) { }
        public static Vector3 operator +(Vector3 a, Vector3 b) { return a; }
    }
    public struct Color32 { public Color32(byte r, byte g, byte b, byte a) { } }
    public struct Rect { public Rect(float x, float y, float width, float height) { } }
    public static class Time { public static float realtimeSinceStartup; }
    public static class GUI { public static void Label(Rect where, string text) { } }
    public sealed class AddComponentMenu : Attribute { public AddComponentMenu(string menu) { } }
    public sealed class TooltipAttribute : Attribute { public TooltipAttribute(string text) { } }
    public sealed class RequireComponent : Attribute { public RequireComponent(Type type) { } }
}

namespace UnityEngine.Rendering
{
    public enum IndexFormat { UInt16, UInt32 }
}

namespace AsyncIO
{
    public static class ForceDotNet { public static void Force() { } }
}

namespace NetMQ
{
    public static class NetMQConfig { public static void Cleanup(bool block) { } }
    public class SocketOptions
    {
        public TimeSpan Linger;
        public NetMQCertificate CurveServerCertificate, CurveCertificate;
    }
    public class NetMQCertificate
    {
        public NetMQCertificate(string secretKey, string publicKey) { }
        public static NetMQCertificate FromPublicKey(string publicKey) { return null; }
    }
    public struct Msg
    {
        public byte[] UnsafeData { get { return null; } }
        public int UnsafeOffset { get { return 0; } }
        public int Size { get { return 0; } }
        public void InitEmpty() { }
        public void Close() { }
    }
}

namespace NetMQ.Sockets
{
    public class SubscriberSocket : IDisposable
    {
        public SocketOptions Options { get { return null; } }
        public void Connect(string address) { }
        public void Subscribe(byte[] topic) { }
        public bool TryReceive(ref Msg message, TimeSpan timeout) { return false; }
        public void Dispose() { }
    }
}
