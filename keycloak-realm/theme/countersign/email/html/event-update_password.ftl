<#import "template.ftl" as layout>
<@layout.emailLayout title=msg("eventUpdatePasswordSubject")>
<p>${msg("eventUpdatePasswordLead", realmName)}</p>
<p>${msg("mailNotYou")}</p>
</@layout.emailLayout>
