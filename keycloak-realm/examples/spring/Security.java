package example;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.GrantedAuthority;
import org.springframework.security.core.authority.SimpleGrantedAuthority;
import org.springframework.security.core.authority.mapping.GrantedAuthoritiesMapper;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizationRequestResolver;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizationRequestCustomizers;
import org.springframework.security.oauth2.core.oidc.user.OidcUserAuthority;
import org.springframework.security.web.SecurityFilterChain;

/** Who holds the viewer of CareConnect at some site gets in; a logout token ends the session. */
@Configuration
class Security {
  @Bean
  SecurityFilterChain pages(HttpSecurity http, ClientRegistrationRepository clients) throws Exception {
    // Spring uses PKCE by itself only where there is no secret.
    var resolver = new DefaultOAuth2AuthorizationRequestResolver(clients, "/oauth2/authorization");
    resolver.setAuthorizationRequestCustomizer(OAuth2AuthorizationRequestCustomizers.withPkce());
    return http
        .authorizeHttpRequests(a -> a.anyRequest().hasAuthority("careconnect.viewer"))
        .oauth2Login(l -> l.authorizationEndpoint(e -> e.authorizationRequestResolver(resolver)))
        .oidcLogout(l -> l.backChannel(Customizer.withDefaults()))
        .build();
  }

  /** Groups are /access/program/site/leaf; here any site will do. */
  @Bean
  GrantedAuthoritiesMapper groups() {
    return authorities -> {
      Collection<GrantedAuthority> all = new HashSet<>(authorities);
      for (var authority : authorities) {
        if (!(authority instanceof OidcUserAuthority oidc)) continue;
        List<String> groups = Objects.requireNonNullElse(oidc.getIdToken().getClaimAsStringList("groups"), List.of());
        for (var group : groups) {
          var part = group.split("/");
          if (part.length == 5 && part[1].equals("access")) all.add(new SimpleGrantedAuthority(part[2] + "." + part[4]));
        }
      }
      return all;
    };
  }
}
