plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "edgernn.sample"
    compileSdk = 35

    defaultConfig {
        applicationId = "edgernn.sample.@NAME@"
        minSdk = @MIN_SDK@
        targetSdk = 35
        versionCode = 1
        versionName = "@VERSION@"
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }
    kotlinOptions { jvmTarget = "1.8" }
}

dependencies {
    implementation(files("../../@MODEL@.aar"))
}
