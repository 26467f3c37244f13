using System.IO;
using UnrealBuildTool;

public class VoxMesh : ModuleRules
{
    public VoxMesh(ReadOnlyTargetRules Target) : base(Target)
    {
        PCHUsage = PCHUsageMode.UseExplicitOrSharedPCHs;
        CppStandard = CppStandardVersion.Cpp17;
        PublicDependencyModuleNames.AddRange(new[] {
            "Core", "CoreUObject", "Engine", "ProceduralMeshComponent", "LiveLinkInterface"
        });

        // libzmq, built or fetched into ThirdParty: see README.md.
        string Zmq = Path.Combine(PluginDirectory, "ThirdParty", "zmq");
        PublicSystemIncludePaths.Add(Path.Combine(Zmq, "include"));
        PublicDefinitions.Add("ZMQ_STATIC=1");
        if (Target.Platform == UnrealTargetPlatform.Win64)
        {
            PublicAdditionalLibraries.Add(Path.Combine(Zmq, "lib", "libzmq.lib"));
            PublicSystemLibraries.AddRange(new[] { "ws2_32.lib", "iphlpapi.lib" });
        }
        else
        {
            PublicAdditionalLibraries.Add(Path.Combine(Zmq, "lib", "libzmq.a"));
        }
    }
}
